/*
 * group: groups of tasks as userdata; see group.h.
 *
 * A group is a userdata with four user values: the error of the first task that
 * failed while no task joined it, whereupon the group is cancelled; the task
 * that owns the group, which is the main task for a loop's group; the
 * coroutine that has opened it; and the traceback of that error, if a task has
 * failed with it. Until it ends, a table of its loop holds one
 * that has failed (live.h).
 */
#include <string.h>

#include "base/metatable.h"
#include "loop/loop.h"
#include "loop/scope.h"
#include "open.h"
#include "task/group.h"
#include "task/live.h"

#define GROUP_TYPE "sockeye.Group"
enum { FAILURE = 1, OWNER, OPENER, TRACEBACK, VALUES = TRACEBACK };

static const char group_tag = 'g';

struct group *group_new(lua_State *L, struct loop *loop, struct task *owner,
                        int64_t deadline)
{
    struct group *group = lua_newuserdatauv(L, sizeof *group, VALUES);

    memset(group, 0, sizeof *group);
    group->tag = &group_tag;
    scope_init(&group->scope, SCOPE_GROUP, L, deadline);
    luaL_setmetatable(L, GROUP_TYPE);
    lua_pushthread(L);
    lua_setiuservalue(L, -2, OPENER);
    if (owner != NULL) {
        task_push(L, owner);
        group_set_owner(L, -2, owner);
    }
    loop_add_group(loop, group);
    return group;
}

struct group *group_check(lua_State *L, int arg)
{
    struct group *group = lua_touserdata(L, arg);

    if (group == NULL || lua_rawlen(L, arg) != sizeof *group ||
        group->tag != &group_tag)
        luaL_typeerror(L, arg, GROUP_TYPE);
    return group;
}

void group_set_owner(lua_State *L, int index, struct task *t)
{
    struct group *group = lua_touserdata(L, index);

    group->owner = t;
    lua_setiuservalue(L, index, OWNER);
}

void group_take(lua_State *L, int index, struct task *t)
{
    struct group *group = lua_touserdata(L, index);

    index = lua_absindex(L, index);
    t->group->count--;
    t->group->daemons -= t->is_daemon;
    t->is_daemon = false;
    group->count++;
    group->failed = false;
    group->scope.base.canceled = false;
    t->group = group;
    scope_move(&t->own, &group->scope.base);
    task_push(L, t);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, TASK_GROUP);
    group_set_owner(L, index, t);
}

bool group_fail(lua_State *L, int index)
{
    struct group *group = lua_touserdata(L, index);

    if (group->failed || group_has_ended(group))
        return false;
    lua_setiuservalue(L, lua_absindex(L, index), FAILURE);
    group->failed = true;
    scope_cancel(&group->scope.base);
    return true;
}

void group_set_traceback(lua_State *L, int index)
{
    lua_setiuservalue(L, index, TRACEBACK);
}

void group_push_traceback(lua_State *L, int index)
{
    lua_getiuservalue(L, index, TRACEBACK);
}

void group_push_failure(lua_State *L, int index)
{
    lua_getiuservalue(L, index, FAILURE);
}

void group_end_daemons(struct group *group)
{
    if (group->daemons > 0 && group->count == group->daemons)
        scope_cancel(&group->scope.base);
}

void group_note_end(struct group *group, const struct task *t)
{
    group->count--;
    group->daemons -= t->is_daemon;
    if (group->state == GROUP_FINISHING)
        group_end_daemons(group);
    if (group->count == 0 && group->owner != NULL &&
        group->owner->token == group)
        loop_wake(group->owner);
}

void group_end(lua_State *L, struct group *group)
{
    if (group_has_ended(group))
        return;
    if (group->failed)
        task_release(L, group->loop, group);
    scope_leave(&group->scope.base);
    group->owner = NULL;
    loop_remove_group(group);
}

bool group_has_ended(const struct group *group)
{
    return group->state == GROUP_ENDED;
}

/* What is in a generator that nobody holds any more. */
static int group_gc(lua_State *L)
{
    struct group *group = lua_touserdata(L, 1);

    (void)L;
    scope_leave(&group->scope.base);
    loop_remove_group(group);
    return 0;
}

void group_add_methods(lua_State *L, const luaL_Reg *methods)
{
    metatable_add_methods(L, GROUP_TYPE, methods);
}

void group_add_metamethods(lua_State *L, const luaL_Reg *metamethods)
{
    metatable_push(L, GROUP_TYPE, metamethods);
    lua_pop(L, 1);
}

void open_group(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", group_gc},
        {NULL, NULL},
    };

    metatable_push(L, GROUP_TYPE, metamethods);
    lua_pop(L, 1);
}
