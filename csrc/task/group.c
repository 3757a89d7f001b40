/*
 * group: tasks that end together.
 *
 * The first task that fails, when nobody joins it, has the others cancelled,
 * and its error is the group's: user value 1. User value 2 is the task that
 * owns it; of a loop's group, the main task. Methods of a group are named
 * group_*; sockeye.group is in lua/sockeye/structure.lua.
 */
#include <errno.h>
#include <string.h>

#include <lauxlib.h>

#include "base/error.h"
#include "open.h"
#include "task/task.h"

#define GROUP_TYPE "sockeye.Group"
enum { FAILURE = 1, OWNER };

static const char group_tag = 'g';

struct group *group_new(lua_State *L, struct loop *loop, struct task *owner)
{
    struct group *group = lua_newuserdatauv(L, sizeof *group, 2);

    memset(group, 0, sizeof *group);
    group->tag = &group_tag;
    group->loop = loop;
    group->owner = owner;
    luaL_setmetatable(L, GROUP_TYPE);
    if (owner != NULL) {
        task_push(L, owner);
        lua_setiuservalue(L, -2, OWNER);
    }
    return group;
}

void group_take(lua_State *L, int index, struct task *t)
{
    struct group *group = lua_touserdata(L, index);

    index = lua_absindex(L, index);
    t->group->count--;
    group->count++;
    group->failed = false;
    t->group = group;
    task_push(L, t);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, TASK_GROUP);
    lua_setiuservalue(L, index, OWNER);
}

static struct group *check_group(lua_State *L, int arg)
{
    struct group *group = lua_touserdata(L, arg);

    if (group == NULL || lua_rawlen(L, arg) != sizeof *group ||
        group->tag != &group_tag)
        luaL_typeerror(L, arg, GROUP_TYPE);
    return group;
}

void group_cancel(struct group *group)
{
    struct task *t = group->count > 0 ? loop_first(group->loop) : NULL;

    for (; t != NULL; t = t->next) {
        if (t->group == group)
            task_cancel(t);
    }
}

void group_fail(lua_State *L, int index)
{
    struct group *group = lua_touserdata(L, index);
    struct task *owner = group->owner;

    index = lua_absindex(L, index);
    if (group->failed) {
        lua_pop(L, 1);
        return;
    }
    lua_setiuservalue(L, index, FAILURE);
    group->failed = true;
    group_cancel(group);
    if (owner != NULL && owner->token != group) {
        group->cancelled_owner = !owner->cancelled;
        task_cancel(owner);
    }
}

int group_raise(lua_State *L, int index)
{
    lua_getiuservalue(L, index, FAILURE);
    return lua_error(L);
}

/*** Start a task that belongs to this group.
@function Group:spawn
@func f what it runs
@param ... arguments for `f`
@treturn Task
*/
static int group_spawn(lua_State *L)
{
    struct group *group = check_group(L, 1);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    require_task(L, "spawn");
    if (group->owner == NULL)
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
    group_cancel(check_group(L, 1));
    lua_settop(L, 1);
    return 1;
}

/* Whether the function's own error comes before that of a task: it was not for
 * the task's sake that it ended. */
static bool body_failed_first(const struct group *group, bool body_ok)
{
    return !body_ok && !group->cancelled_owner;
}

/* Stack: the group, whether the body succeeded, its results or its error. */
static int give_outcome(lua_State *L, struct group *group)
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
        return group_raise(L, 1);
    if (group->interrupted == ETIMEDOUT)
        return error_raise_timeout(L, "group", 0);
    if (group->interrupted != 0)
        return error_raise(L, "group", group->interrupted, 0);
    return lua_gettop(L) - 2;
}

/* The owner waits for the last task, whatever else happens to it. */
static int finish_step(lua_State *L, int status, lua_KContext context)
{
    struct group *group = check_group(L, 1);
    struct task *owner = group->owner;
    int refusal = task_take_interruption(owner, context != 0);
    int error;

    (void)status;
    if (refusal != 0) {
        if (group->interrupted == 0 && !group->cancelled_owner)
            group->interrupted = refusal;
        group_cancel(group);
    }
    if (group->count == 0)
        return give_outcome(L, group);
    error = loop_pause(
        owner, group,
        refusal == ETIMEDOUT ? NO_DEADLINE : task_deadline(owner, NO_DEADLINE));
    if (error != 0)
        return error_raise(L, task_wait_name(owner, "group"), error, 0);
    return task_suspend(L, owner, "group", 1, finish_step);
}

/* finish_group(group, ok, ...): wait for the group's tasks. `ok` and what follows
 * are what pcall returned for its body. */
static int sockeye_finish_group(lua_State *L)
{
    struct group *group = check_group(L, 1);

    if (!lua_toboolean(L, 2))
        group_cancel(group);
    return finish_step(L, LUA_OK, 0);
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
    luaL_newmetatable(L, GROUP_TYPE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
