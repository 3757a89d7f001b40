/*
 * group: the methods of groups of tasks, and how a group finishes.
 *
 * Functions named group_* are methods of a group; sockeye.group is in
 * lua/sockeye/structure.lua.
 */
#include <errno.h>

#include <lauxlib.h>

#include "base/error.h"
#include "open.h"
#include "task/task.h"

static struct group *check_group(lua_State *L, int arg)
{
    struct group *group = lua_touserdata(L, arg);

    if (group == NULL || lua_rawlen(L, arg) != sizeof *group ||
        group->tag != &task_group_tag)
        luaL_typeerror(L, arg, "sockeye.Group");
    return group;
}

/*** Start a task that belongs to this group.
@function Group:spawn
@func f the function it runs
@param ... arguments for `f`
@treturn Task
*/
static int group_spawn(lua_State *L)
{
    struct group *group = check_group(L, 1);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    task_require_live(L, "spawn");
    if (task_group_is_over(group))
        return error_raise_misuse(L, "spawn: the group has ended");
    task_spawn(L, 2, group->loop, group, 1);
    if (group->failed)
        task_cancel(task_check(L, -1));
    return 1;
}

/*** Cancel every task of the group.
@function Group:cancel
@treturn Group itself
*/
static int group_cancel_method(lua_State *L)
{
    task_group_cancel(check_group(L, 1));
    lua_settop(L, 1);
    return 1;
}

/* Whether the group raises its body's error rather than a task's: not if a
 * task's failure cancelled the body. */
static bool body_failed_first(const struct group *group, bool body_ok)
{
    return !body_ok && !group->cancelled_owner;
}

/* Stack: the group, whether the body succeeded, its results or its error. */
static int push_outcome(lua_State *L, struct group *group)
{
    bool body_ok = lua_toboolean(L, 2);

    if (group->cancelled_owner)
        group->owner->cancelled = false;
    group->owner = NULL;
    if (body_failed_first(group, body_ok)) {
        lua_settop(L, 3);
        return lua_error(L);
    }
    if (group->failed)
        return task_group_raise(L, 1);
    if (group->interrupted == ETIMEDOUT)
        return error_raise_timeout(L, "group", 0);
    if (group->interrupted != 0)
        return error_raise(L, "group", group->interrupted, 0);
    return lua_gettop(L) - 2;
}

/* Return the owner of the group, which runs and may wait. */
static struct task *check_owner(lua_State *L, const struct group *group)
{
    struct task *t = task_require_waiting(L, "group");

    if (task_group_is_over(group))
        error_raise_misuse(L, "group: the group has ended");
    if (t != group->owner)
        error_raise_misuse(L, "group: it belongs to another task");
    return t;
}

/* Wait for the last task. If the owner is cancelled, times out, or lacks the
 * memory for its deadline, it cancels the others and goes on waiting. */
static int finish_step(lua_State *L, int status, lua_KContext context)
{
    struct group *group = check_group(L, 1);
    struct task *owner = check_owner(L, group);
    int interruption = task_take_interruption(owner, context != WAIT_FIRST);
    int error;

    (void)status;
    if (interruption != 0) {
        if (group->interrupted == 0 && !group->cancelled_owner)
            group->interrupted = interruption;
        task_group_cancel(group);
    }
    if (group->count == 0)
        return push_outcome(L, group);
    error = loop_pause(owner, group,
                       interruption == ETIMEDOUT
                           ? NO_DEADLINE
                           : task_deadline(owner, NO_DEADLINE));
    if (error == ENOMEM) {
        if (group->interrupted == 0)
            group->interrupted = error;
        task_group_cancel(group);
        error = loop_pause(owner, group, NO_DEADLINE);
    }
    if (error != 0)
        return error_raise(L, task_wait_name(owner, "group"), error, 0);
    return task_suspend(L, owner, "group", WAIT_RESUMED, finish_step);
}

/* finish_group(group, ok, ...): waits for the group's tasks, and returns the
 * body's results or raises the group's error. `ok, ...` are what pcall returned
 * for the body. */
static int sockeye_finish_group(lua_State *L)
{
    struct group *group = check_group(L, 1);

    if (!lua_toboolean(L, 2))
        task_group_cancel(group);
    return finish_step(L, LUA_OK, WAIT_FIRST);
}

void open_group(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"spawn", group_spawn},
        {"cancel", group_cancel_method},
        {NULL, NULL},
    };

    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_finish_group);
    lua_setfield(L, -2, "finish_group");
    lua_pop(L, 1);
    task_group_add_methods(L, methods);
}
