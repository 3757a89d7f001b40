/*
 * group_methods: the methods of groups of tasks, and how a group finishes.
 *
 * Functions named group_* are methods of a group; sockeye.group is in
 * lua/sockeye/structure.lua.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/error.h"
#include "loop/scope.h"
#include "open.h"
#include "task/group.h"
#include "task/kill.h"
#include "task/live.h"
#include "task/report.h"
#include "task/task.h"
#include "task/turn.h"

static struct task *spawn(lua_State *L)
{
    struct group *group = group_check(L, 1);
    int count = lua_gettop(L) - 1;
    const struct task *self;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    self = task_require_live(L, "spawn");
    turn_end_fork(L, self->loop);
    if (group_has_ended(group))
        error_raise_misuse(L, "spawn: the group has ended");
    task_push_live(L, group->loop);
    lua_pushvalue(L, 1);
    return task_spawn(L, 2, count, group);
}

/*** Start a task that belongs to this group.
In a group that is over, but has not returned yet, the task begins cancelled: it
runs to its first wait.
@function Group:spawn
@func f the function it runs
@param ... arguments for `f`
@treturn Task
@raise an error for a group that has ended
*/
static int group_spawn(lua_State *L)
{
    spawn(L);
    return 1;
}

/*** Start a task for which the group does not wait: it is cancelled when only
such tasks are left in the group.
@function Group:spawn_daemon
@func f the function it runs
@param ... arguments for `f`
@treturn Task
@raise as `Group:spawn`
*/
static int group_spawn_daemon(lua_State *L)
{
    struct task *t = spawn(L);

    t->is_daemon = true;
    t->group->daemons++;
    return 1;
}

/*** Cancel the group: its tasks and its body.
Every wait of theirs raises ECANCELED from now on. The call of `group` then
returns nothing; or what the body returned, if it did not raise.
@function Group:cancel
@treturn Group itself
*/
static int group_cancel(lua_State *L)
{
    struct group *group = group_check(L, 1);

    if (!group_has_ended(group))
        scope_cancel(&group->scope.base);
    lua_settop(L, 1);
    return 1;
}

/* ---- the end ---- */

/* The arguments of finish_group: the group, whether the body succeeded, its
 * results or its error. */
enum { GROUP = 1, BODY_OK, RESULT };

/* Note where the failure comes from: the owner, too, may fail with it. What the
 * body has failed with keeps the origin that it had. */
static int note_origin(lua_State *L)
{
    group_push_traceback(L, 1);
    if (lua_istable(L, -1)) {
        lua_setiuservalue(L, 2, TASK_TRACEBACK);
        return 0;
    }
    lua_createtable(L, 2, 0);
    group_push_failure(L, 1);
    lua_rawseti(L, -2, 1);
    group_push_traceback(L, 1);
    lua_rawseti(L, -2, 2);
    lua_setiuservalue(L, 2, TASK_TRACEBACK);
    return 0;
}

/* Raise what the group has failed with. Without memory for its origin, that is
 * not known. */
static int raise_failure(lua_State *L, const struct task *owner)
{
    lua_pushcfunction(L, note_origin);
    lua_pushvalue(L, GROUP);
    task_push(L, owner);
    lua_pcall(L, 2, 0, 0);
    group_push_failure(L, GROUP);
    return lua_error(L);
}

/* Every task has ended. A cancellation from further out counts more than what
 * the body returned. One that has ended the body is raised, even where that
 * scope is not around the group any more: its generator has left it. */
static int push_outcome(lua_State *L, struct task *owner, struct group *group)
{
    bool body_ok = lua_toboolean(L, BODY_OK);
    bool failed = group->failed;
    bool over;

    group_end(L, group);
    if (failed)
        return raise_failure(L, owner);
    over = task_interruption(owner, false) != 0;
    if (over && body_ok)
        return error_raise_canceled(L, "group", 0);
    if (over || group->was_interrupted) {
        lua_settop(L, RESULT);
        return lua_error(L);
    }
    return body_ok ? lua_gettop(L) - BODY_OK : 0;
}

/* Wait for the last task, whatever comes. A cancellation reaches the tasks, too,
 * and they end. */
static int finish_step(lua_State *L, int status, lua_KContext context)
{
    struct group *group = group_check(L, GROUP);
    struct task *owner = task_require_waiting(L, "group");

    (void)status;
    if (context == WAIT_FIRST && owner->budget-- <= 0 && !owner->killed) {
        loop_requeue(owner);
        return task_suspend(L, owner, "group", WAIT_RESUMED, finish_step);
    }
    if (group->count == 0)
        return push_outcome(L, owner, group);
    task_push(L, owner);
    group_set_owner(L, GROUP, owner);
    loop_pause_on(owner, group);
    return task_suspend(L, owner, "group", WAIT_RESUMED, finish_step);
}

/* If the body is what has failed, keep where, as its task has noted it: while the
 * group waits for its tasks, that may change. */
static void keep_origin(lua_State *L, const struct task *t)
{
    group_push_failure(L, GROUP);
    group_push_traceback(L, GROUP);
    task_push(L, t);
    if (lua_isnil(L, -2) && lua_rawequal(L, RESULT, -3) &&
        lua_getiuservalue(L, -1, TASK_TRACEBACK) == LUA_TTABLE)
        group_set_traceback(L, GROUP);
    lua_settop(L, RESULT);
}

/* The body has failed: not if it was cancelled, as the group was. */
static void fail_body(lua_State *L, struct group *group)
{
    struct task *t = task_require_waiting(L, "group");

    lua_settop(L, RESULT);
    if (!t->over || !error_is_canceled(L, RESULT)) {
        lua_pushvalue(L, RESULT);
        task_fail_group(L, GROUP, t);
        keep_origin(L, t);
    } else {
        group->was_interrupted = !group->scope.base.canceled;
    }
    scope_cancel(&group->scope.base);
}

/* finish_group(group, ok, ...): waits for the group's tasks, and returns the
 * body's results or raises the group's error. `ok, ...` are what pcall returned
 * for the body. */
static int sockeye_finish_group(lua_State *L)
{
    struct group *group = group_check(L, GROUP);

    if (group_has_ended(group))
        return error_raise_misuse(L, "group: the group has ended");
    if (!lua_toboolean(L, BODY_OK))
        fail_body(L, group);
    group->state = GROUP_FINISHING;
    group_end_daemons(group);
    return finish_step(L, LUA_OK, WAIT_FIRST);
}

/* The coroutine is closed before the group has ended: no task may outlive its
 * scope, and no error is lost. */
static int group_close(lua_State *L)
{
    struct group *group = group_check(L, GROUP);

    if (group_has_ended(group))
        return 0;
    kill_group(L, group);
    if (group->failed) {
        struct task *owner = group->owner;

        group_push_failure(L, GROUP);
        report_error(L, owner != NULL && !task_has_ended(owner)
                            ? owner
                            : loop_main(group->loop));
    }
    group_end(L, group);
    return 0;
}

/* kill_group(group): kills its tasks, and cancels it. */
static int sockeye_kill_group(lua_State *L)
{
    kill_group(L, group_check(L, GROUP));
    return 0;
}

/* new_group(): creates a group, which the running task is in from now on. */
static int sockeye_new_group(lua_State *L)
{
    struct task *owner = task_require_waiting(L, "group");
    struct group *group;

    turn_end_fork(L, owner->loop);
    group = group_new(L, owner->loop, owner, NO_DEADLINE);
    scope_enter(owner, &group->scope.base);
    return 1;
}

void open_group_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"cancel", group_cancel},
        {"spawn", group_spawn},
        {"spawn_daemon", group_spawn_daemon},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", group_close},
        {NULL, NULL},
    };
    static const luaL_Reg primitives[] = {
        {"finish_group", sockeye_finish_group},
        {"group", sockeye_new_group},
        {"kill_group", sockeye_kill_group},
        {NULL, NULL},
    };

    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, primitives, 0);
    lua_pop(L, 1);
    group_add_methods(L, methods);
    group_add_metamethods(L, metamethods);
}
