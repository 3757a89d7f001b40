/*
 * live: the tables that keep tasks alive; see live.h. A weak table in the
 * registry has them by their loops.
 */
#include "loop/state.h"
#include "open.h"
#include "task/live.h"

static const char live_key = 'l';

void task_push_live(lua_State *L, const struct loop *loop)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &live_key);
    lua_rawgetp(L, -1, loop);
    lua_replace(L, -2);
}

void task_push(lua_State *L, const struct task *t)
{
    task_push_live(L, t->loop);
    lua_rawgetp(L, -1, t);
    lua_replace(L, -2);
}

void task_hold(lua_State *L, const struct loop *loop, const void *key)
{
    task_push_live(L, loop);
    lua_insert(L, -2);
    lua_rawsetp(L, -2, key);
    lua_pop(L, 1);
}

void task_release(lua_State *L, const struct loop *loop, const void *key)
{
    lua_pushnil(L);
    task_hold(L, loop, key);
}

void task_open_loop(lua_State *L, const struct loop *loop)
{
    lua_newtable(L);
    task_keep_loop(L, loop);
}

void task_keep_loop(lua_State *L, const struct loop *loop)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &live_key);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, loop);
    lua_pop(L, 1);
}

void open_live(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &live_key);
}
