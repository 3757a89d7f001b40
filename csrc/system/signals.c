/*
 * signals: signal handlers written in Lua; see signals.h.
 *
 * Follows sigaction(2) and signal(7). caught.c notes which signals have come.
 * Each signal has one handler, which sockeye.signal sets, and any number of
 * listeners beside it, which come and go in any order. It is caught while there
 * is one or the other. What sockeye.signal sets while there are only listeners
 * takes effect when the last has gone.
 *
 * Functions named sockeye_* are the module's or primitives.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/names.h"
#include "open.h"
#include "system/caught.h"
#include "system/disposition.h"
#include "system/listener.h"
#include "system/signal_names.h"
#include "system/signal_table.h"
#include "system/signals.h"
#include "task/live.h"
#include "task/task.h"

#define FOREIGN "another Lua state handles the signals of this process"
#define FAULT_PROBLEM "a fault cannot be handled in Lua"

/* ---- setting handlers ---- */

static void read_action(lua_State *L, int number, struct sigaction *now)
{
    if (sigaction(number, NULL, now) == -1)
        error_raise(L, "signal", errno, 1);
}

static void refuse(lua_State *L)
{
    error_raise_misuse(L, FOREIGN);
}

/* Whether L's state has a handler for the signal. */
static bool handles(lua_State *L, int number)
{
    struct sigaction now;

    return number != 0 && caught_is_owner(interrupt_main_thread(L)) &&
           sigaction(number, NULL, &now) == 0 && caught_is_action(&now);
}

/* A process group that this process belongs to. */
static bool is_own_group(pid_t pid)
{
    return pid == 0 || (pid < -1 && -pid == getpgrp());
}

int signals_send(lua_State *L, pid_t pid, int number)
{
    bool is_self = pid == getpid();

    if ((is_self || is_own_group(pid)) && handles(L, number)) {
        interrupt_find_thread(L);
        return is_self ? caught_send_self(number)
                       : caught_send_group(pid, number);
    }
    return kill(pid, number) == 0 ? 0 : errno;
}

/* Push the disposition of a signal, in the form that sockeye.signal takes: what
 * it has set, or, where there are only listeners, what was there before them. */
static void push_disposition(lua_State *L, int number,
                             const struct sigaction *now)
{
    enum disposition disposition = disposition_of(now);

    if (caught_is_action(now)) {
        signal_table_push(L);
        lua_pop(L, 1);
        lua_rawgeti(L, -1, number);
        lua_remove(L, -2);
        if (!lua_isnil(L, -1))
            return;
        lua_pop(L, 1);
        disposition = disposition_before(number);
    }
    names_push(L, &disposition_names, disposition);
}

/* Whether the signal reports a fault: if its handler returned, the instruction
 * that caused it would be run again. */
static bool is_fault(int number)
{
    return number == SIGBUS || number == SIGFPE || number == SIGILL ||
           number == SIGSEGV;
}

static enum disposition check_disposition(lua_State *L, int number, int arg)
{
    if (lua_type(L, arg) == LUA_TSTRING)
        return (enum disposition)names_check(L, arg, &disposition_names);
    if (!lua_isfunction(L, arg))
        luaL_typeerror(L, arg, "function, 'default' or 'ignore'");
    luaL_argcheck(L, !is_fault(number), arg, FAULT_PROBLEM);
    return HANDLER;
}

/* Set the handler at index 2. It is put into the table first, since that may
 * fail for lack of memory; index 3 is the earlier disposition, which a signal
 * that came before is still handled by. While others listen, the signal is
 * caught all the same. */
static void set_disposition(lua_State *L, int number,
                            enum disposition disposition)
{
    bool taken = false;
    int error;

    signal_table_push(L);
    if (disposition == ORIGINAL)
        lua_pushnil(L);
    else
        lua_pushvalue(L, 2);
    lua_rawseti(L, -3, number);
    if (listener_is_any(L, lua_gettop(L), number))
        disposition = HANDLER;
    error = signal_table_change(L, number, disposition, &taken);
    if (error != 0) {
        lua_pushvalue(L, 3);
        lua_rawseti(L, -3, number);
    }
    lua_pop(L, 2);
    if (error == NOT_OURS)
        refuse(L);
    if (error != 0)
        error_raise(L, "signal", error, 1);
    if (taken)
        signal_table_handle(L, number, 3);
}

/* ---- listeners ---- */

/* Catch a signal that nobody has handled so far. Stack: its tables. */
static int begin_listening(lua_State *L, int number)
{
    struct sigaction now;
    bool taken;

    if (sigaction(number, NULL, &now) == -1)
        return errno;
    if (caught_is_action(&now))
        return 0;
    lua_pushnil(L);
    lua_rawseti(L, -3, number);
    return signal_table_change(L, number, HANDLER, &taken);
}

/* listen(call, signal, f [, yields]): has f called with each such signal that
 * comes from now on, beside the handler and the others who listen, for the
 * running task. Returns a value for stop_listening. Where another state handles
 * signals, raises an error; or returns nil and the error's text, if `yields`. */
static int sockeye_listen(lua_State *L)
{
    struct task *t = task_require(L, luaL_checkstring(L, 1));
    int number = signal_names_check(L, 2, 1);
    struct listener *l;
    int error;

    luaL_checktype(L, 3, LUA_TFUNCTION);
    if (!signal_table_claim(L)) {
        if (!lua_toboolean(L, 4))
            refuse(L);
        lua_pushnil(L);
        lua_pushliteral(L, FOREIGN);
        return 2;
    }
    lua_settop(L, 3);
    signal_table_push(L);
    task_push(L, t);
    lua_pushvalue(L, 3);
    l = listener_add(L, 5, number);
    lua_pushvalue(L, -1);
    lua_replace(L, 1);
    lua_settop(L, 5);
    error = begin_listening(L, number);
    if (error != 0) {
        listener_remove(L, 5, l);
        error_raise(L, "signal", error, 2);
    }
    lua_settop(L, 1);
    return 1;
}

/* stop_listening(listener): undoes `listen`; calling it again does nothing. A
 * signal that has come before is still heard. */
static int sockeye_stop_listening(lua_State *L)
{
    struct listener *l = listener_check(L, 1);
    bool taken = false;
    int error = 0;

    lua_settop(L, 1);
    if (!signal_table_push_if_any(L) || !listener_remove(L, 3, l))
        return 0;
    if (!listener_is_any(L, 3, l->number))
        error = signal_table_end(L, 2, l->number, &taken);
    if (error != 0)
        return error_raise(L, "signal", error, 0);
    if (!taken && !l->marked)
        return 0;
    l->marked = false;
    listener_push_function(L, 1);
    signal_table_call(L, l->number);
    return 0;
}

/* ---- the module ---- */

/* read_signal(value): returns the number of a signal that a function may
 * handle; or nil and a description of what is wrong with the value. */
static int sockeye_read_signal(lua_State *L)
{
    lua_Integer number;

    luaL_checkany(L, 1);
    if (names_push_read(L, 1, &signal_names) == 2)
        return 2;
    number = lua_tointeger(L, -1);
    if (number >= 1 && number < NSIG && !is_fault((int)number))
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, is_fault((int)number) ? FAULT_PROBLEM
                                            : SIGNAL_NAMES_PROBLEM);
    return 2;
}

/*** Set or read what happens when a signal comes (sigaction(2)).
A handler is called as `handler(name, number)`: `handler("SIGTERM", 15)`. It
interrupts a call of this module that waits: the handler runs, then the call goes
on with the time that is left. An error that the handler raises is raised by that
call, or by whatever else the script was doing. If the handler closes a socket,
the call that waits on it raises ECANCELED. While no call waits, handlers run on
the main thread, at its next instruction: a coroutine that computes is interrupted
only when it waits or yields. Lua's own `io` is not interrupted (SA_RESTART): the
handler runs when it returns.

Each signal has one handler. `signals` and `serve` listen beside it: all of them
hear a signal that comes, whatever the order in which they come and go. What
`signal` sets in place of a handler while others listen takes effect when the last
of them has gone; where there is no handler, it returns what was there before
them.

While a signal is handled in Lua, calls outside of tasks that would block wait in
ppoll(2) first.

If a signal comes several times before its handler is called, it is called once.
A signal that has come before `signal` sets something else is handled by the
handler of that time, before `signal` returns. Handlers survive `fork`, but not
`exec`. When the Lua state is closed, the dispositions from before are restored.
Only one Lua state of a process can have handlers.
@function signal
@param signal `"SIGTERM"`, `"term"`, `sockeye.SIGTERM` or another number
@param[opt] handler a function; `"default"`; `"ignore"`; `"original"`: the
disposition from before the first handler was set; nil: only read it
@return the disposition before the call, in the same form: a function,
`"default"`, `"ignore"`, or `"original"` for a handler that is not Lua's, such
as that of the `lua` command for SIGINT
@raise EINVAL for SIGKILL, SIGSTOP and signals that the C library reserves;
argument error for a signal that does not exist, and for a function for SIGBUS,
SIGFPE, SIGILL or SIGSEGV, after which a script cannot go on
@usage
sockeye.signal("SIGTERM", function(name)
    io.stderr:write(name, ": bye\n")
    os.exit(0)
end)
*/
static int sockeye_signal(lua_State *L)
{
    int number = signal_names_check(L, 1, 1);
    enum disposition disposition = DEFAULT;
    bool reads = lua_isnoneornil(L, 2);
    struct sigaction now;

    if (!reads)
        disposition = check_disposition(L, number, 2);
    lua_settop(L, 2);
    read_action(L, number, &now);
    if (!reads && (disposition == HANDLER || caught_is_action(&now))) {
        if (!signal_table_claim(L))
            refuse(L);
        read_action(L, number, &now);
    }
    push_disposition(L, number, &now);
    if (reads)
        return 1;
    set_disposition(L, number, disposition);
    return 1;
}

void open_signals(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"signal", sockeye_signal},
        {NULL, NULL},
    };

    static const luaL_Reg primitives[] = {
        {"listen", sockeye_listen},
        {"read_signal", sockeye_read_signal},
        {"stop_listening", sockeye_stop_listening},
        {NULL, NULL},
    };

    caught_prepare();
    signal_table_prepare(L);
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, primitives, 0);
    lua_pop(L, 1);
    names_export(L, &signal_names);
}
