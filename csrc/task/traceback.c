/*
 * traceback: where the error of a task was raised; see traceback.h.
 */

#include "base/argument.h"
#include "base/error.h"
#include "loop/running.h"
#include "loop/state.h"
#include "task/live.h"
#include "task/traceback.h"

/* With the task on top of the stack: push where the error at index 1 comes from,
 * if a group of the task has raised it; else nil. */
static void push_origin(lua_State *L)
{
    if (lua_getiuservalue(L, -1, TASK_TRACEBACK) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_pushnil(L);
        return;
    }
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    if (!lua_rawequal(L, 1, -2)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* The traceback at index 2 is that of the task on top: put the one of the task
 * before it in which the error has happened. */
static void keep_in_task(lua_State *L)
{
    push_origin(L);
    if (lua_isstring(L, -1)) {
        lua_pushfstring(L, "%s\nin the group of:\n%s", lua_tostring(L, -1),
                        lua_tostring(L, 2));
        lua_replace(L, 2);
    }
    lua_pop(L, 1);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, TASK_TRACEBACK);
    lua_pop(L, 1);
}

/* Keep the error at index 1, in case the task is killed before it has failed: a
 * `<close>` variable may wait. */
static void keep_error(lua_State *L, const struct task *t)
{
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    task_hold(L, t->loop, &t->failed);
}

bool traceback_push_error(lua_State *L, const struct task *t)
{
    bool any;

    task_push_live(L, t->loop);
    any = lua_rawgetp(L, -1, &t->failed) == LUA_TTABLE;
    lua_remove(L, -2);
    if (any) {
        lua_rawgeti(L, -1, 1);
        lua_remove(L, -2);
    }
    return any;
}

void traceback_forget_error(lua_State *L, const struct task *t)
{
    task_release(L, t->loop, &t->failed);
}

static int note_traceback(lua_State *L)
{
    const struct task *t = loop_running();

    luaL_traceback(L, L, NULL, 2);
    if (t != NULL && t->co == L) {
        task_push(L, t);
        keep_in_task(L);
        keep_error(L, t);
    }
    if (error_is(L, 1)) {
        lua_pushliteral(L, "traceback");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) == LUA_TNIL) {
            lua_pushvalue(L, 2);
            lua_replace(L, -2);
            lua_rawset(L, 1);
        }
    }
    return 0;
}

/* The task's message handler: keeps the traceback of the error. Without memory
 * for that the error is what it was. */
int traceback_keep(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcfunction(L, note_traceback);
    lua_pushvalue(L, 1);
    lua_pcall(L, 1, 0, 0);
    lua_settop(L, 1);
    return 1;
}
