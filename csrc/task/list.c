/*
 * list: the function tasks, which lists what every task is doing.
 */
#include "base/argument.h"
#include "base/error.h"
#include "open.h"
#include "task/live.h"
#include "task/origin.h"
#include "task/task.h"

/* Push a list of the tasks of this one's loop, and return how many they are.
 * While it is filled, no Lua code runs, which could fork or end a task. */
static lua_Integer push_tasks(lua_State *L, const struct task *self)
{
    const struct task *first = self != NULL ? loop_first(self->loop) : NULL;
    lua_Integer count = 0;

    for (const struct task *t = first; t != NULL; t = t->next)
        count++;
    lua_createtable(L, (int)count, 0);
    count = 0;
    first = self != NULL ? loop_first(self->loop) : NULL;
    for (const struct task *t = first; t != NULL; t = t->next) {
        if (task_has_ended(t))
            continue;
        task_push(L, t);
        lua_rawseti(L, -2, ++count);
    }
    return count;
}

/* Push a table that describes the task on top. */
static void push_description(lua_State *L, const struct task *t)
{
    int index = lua_gettop(L);

    lua_createtable(L, 0, 4);
    lua_pushvalue(L, index);
    lua_setfield(L, -2, "task");
    lua_getfield(L, index, "status");
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, t->status == TASK_WAITING ? t->call : NULL);
    lua_setfield(L, -2, "call");
    if (t->abandoned)
        lua_pushnil(L);
    else
        origin_push_place(L, t);
    lua_setfield(L, -2, "where");
}

/* Remove what describes tasks that a fork has ended meanwhile. Stack: the
 * descriptions, the tasks. Runs no Lua code, which could fork. */
static void keep_own(lua_State *L, lua_Integer all)
{
    lua_Integer count = 0;

    for (lua_Integer i = 1; i <= all; i++) {
        const struct task *t;

        lua_rawgeti(L, 2, i);
        t = lua_touserdata(L, -1);
        lua_rawgeti(L, 1, i);
        if (t->abandoned)
            lua_pop(L, 1);
        else
            lua_rawseti(L, 1, ++count);
        lua_pop(L, 1);
    }
    while (count < all) {
        lua_pushnil(L);
        lua_rawseti(L, 1, ++count);
    }
}

/*** List what every task is doing.
@function tasks
@treturn table a list of tables: `task`, `status`, `call` (the call it waits
in), `where` (`"script.lua:12"`); empty outside of `run`
*/
static int sockeye_tasks(lua_State *L)
{
    lua_Integer all;

    lua_settop(L, 0);
    lua_newtable(L);
    all = push_tasks(L, task_running(L));
    for (lua_Integer i = 1; i <= all; i++) {
        const struct task *t;

        lua_rawgeti(L, 2, i);
        t = lua_touserdata(L, 3);
        if (t->abandoned)
            lua_pushboolean(L, false);
        else
            push_description(L, t);
        lua_rawseti(L, 1, i);
        lua_settop(L, 2);
    }
    keep_own(L, all);
    lua_settop(L, 1);
    return 1;
}

void open_list(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"tasks", sockeye_tasks},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
