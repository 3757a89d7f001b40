/*
 * signal_table: the handlers and listeners of a Lua state; see signal_table.h.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "base/names.h"
#include "loop/wake.h"
#include "system/caught.h"
#include "system/disposition.h"
#include "system/listener.h"
#include "system/resend.h"
#include "system/signal_names.h"
#include "system/signal_table.h"
#include "task/loops.h"

#define OWNER_TYPE "sockeye.Signals"

/* User values of the owner. By the number of a signal: what sockeye.signal has
 * set, while the signal is caught; and the listeners. */
enum { SET = 1, LISTENERS };

static const char owner_key = 'o';

/* ---- the tables ---- */

bool signal_table_push_if_any(lua_State *L)
{
    luaL_checkstack(L, 4, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key) != LUA_TUSERDATA) {
        lua_pop(L, 1);
        return false;
    }
    lua_getiuservalue(L, -1, SET);
    lua_getiuservalue(L, -2, LISTENERS);
    lua_remove(L, -3);
    return true;
}

void signal_table_push(lua_State *L)
{
    if (!signal_table_push_if_any(L))
        luaL_error(L, "this Lua state is about to end");
}

int signal_table_change(lua_State *L, int number, enum disposition disposition,
                        bool *taken)
{
    bool owns = caught_is_owner(interrupt_main_thread(L));
    int error = disposition_set(number, disposition, owns, taken);

    if (owns)
        task_loops(L)->handlers = disposition_count();
    return error;
}

int signal_table_end(lua_State *L, int set, int number, bool *taken)
{
    enum disposition disposition = ORIGINAL;
    struct sigaction now;
    int kind = lua_rawgeti(L, set, number);

    if (kind == LUA_TSTRING)
        disposition = (enum disposition)names_check(L, -1, &disposition_names);
    lua_pop(L, 1);
    if (kind == LUA_TFUNCTION || sigaction(number, NULL, &now) == -1 ||
        !caught_is_action(&now))
        return 0;
    return signal_table_change(L, number, disposition, taken);
}

/* ---- forked children ---- */

/* In a forked child: forget who listens in the parent only. If that was all, and
 * the signal has come, it does what it does without them. */
static bool forget_parents(lua_State *L, int set, int table, int number)
{
    bool taken;

    if (!listener_end_fork(L, table, number) ||
        listener_is_any(L, table, number))
        return false;
    if (lua_rawgeti(L, set, number) == LUA_TFUNCTION) {
        lua_pop(L, 1);
        return false;
    }
    lua_pop(L, 1);
    signal_table_end(L, set, number, &taken);
    kill(getpid(), number);
    return true;
}

void signal_table_end_fork(lua_State *L)
{
    bool taken;

    if (!signal_table_push_if_any(L))
        return;
    for (int number = 1; number < NSIG; number++) {
        int table = lua_gettop(L);

        if (listener_end_fork(L, table, number) &&
            !listener_is_any(L, table, number))
            signal_table_end(L, table - 1, number, &taken);
    }
    lua_pop(L, 2);
}

/* ---- calling handlers ---- */

void signal_table_call(lua_State *L, int number)
{
    names_push_constant(L, &signal_names, number);
    lua_pushinteger(L, number);
    lua_call(L, 2, 0);
}

/* Let the marked listeners of a signal hear it. */
static void deliver(lua_State *L, int table, int number)
{
    while (listener_take(L, table, number))
        signal_table_call(L, number);
}

/* A signal has come. */
static void handle(lua_State *L, int set, int table, int number)
{
    if (forget_parents(L, set, table, number))
        return;
    listener_mark(L, table, number);
    if (lua_rawgeti(L, set, number) == LUA_TFUNCTION)
        signal_table_call(L, number);
    else
        lua_pop(L, 1);
}

/* Call the handlers of all signals that were caught. If one raises an error,
 * the owner's `__close`, which runs when this function ends either way, sets
 * the hook again: the others then run at the next instruction. */
static int call_handlers(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key);
    lua_toclose(L, 1);
    lua_getiuservalue(L, 1, SET);
    lua_getiuservalue(L, 1, LISTENERS);
    for (int number = 1; number < NSIG; number++) {
        if (caught_take(number))
            handle(L, 2, 3, number);
        deliver(L, 3, number);
    }
    return 0;
}

static int owner_close(lua_State *L)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_getiuservalue(L, 1, LISTENERS);
    if (caught_is_any() || listener_is_marked(L, lua_gettop(L)))
        caught_run_later();
    return 0;
}

/* Stack: signal, handler. */
static int handle_taken(lua_State *L)
{
    int number = (int)lua_tointeger(L, 1);

    lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key);
    lua_toclose(L, 3);
    lua_getiuservalue(L, 3, LISTENERS);
    listener_mark(L, 4, number);
    lua_pushvalue(L, 2);
    if (lua_isfunction(L, -1))
        signal_table_call(L, number);
    deliver(L, 4, number);
    return 0;
}

void signal_table_handle(lua_State *L, int number, int handler)
{
    lua_pushcfunction(L, handle_taken);
    lua_pushinteger(L, number);
    lua_pushvalue(L, handler);
    lua_call(L, 2, 0);
}

/* ---- the owner ---- */

bool signal_table_claim(lua_State *L)
{
    return caught_claim(interrupt_main_thread(L), call_handlers);
}

/* The Lua state is being closed: restore all actions, so that no signal reaches
 * it any more. */
static int owner_gc(lua_State *L)
{
    sigset_t every;
    sigset_t before;

    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &owner_key);
    if (!caught_is_owner(interrupt_main_thread(L)))
        return 0;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    caught_leave();
    disposition_restore_all();
    caught_release();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

/* Push the owner of the handlers: a userdata for the registry, which is
 * collected when the state is closed. */
static void push_owner(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__close", owner_close},
        {"__gc", owner_gc},
        {NULL, NULL},
    };

    lua_newuserdatauv(L, 0, 2);
    lua_newtable(L);
    lua_setiuservalue(L, -2, SET);
    lua_newtable(L);
    lua_setiuservalue(L, -2, LISTENERS);
    metatable_push(L, OWNER_TYPE, metamethods);
    lua_setmetatable(L, -2);
}

void signal_table_prepare(lua_State *L)
{
    listener_prepare(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key) == LUA_TNIL) {
        push_owner(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &owner_key);
    }
    lua_pop(L, 1);
}
