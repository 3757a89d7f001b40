/*
 * signals: signal handlers written in Lua.
 *
 * Follows sigaction(2) and signal(7). caught.c notes which signals have come.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "base/names.h"
#include "open.h"
#include "system/caught.h"
#include "system/signal_names.h"
#include "system/signals.h"

#define OWNER_TYPE "sockeye.Signals"
#define FAULT_PROBLEM "a fault cannot be handled in Lua"

/* clang-format off */
enum disposition { DEFAULT, IGNORE, ORIGINAL, HANDLER };

static const struct name disposition_rows[] = {
    {"default", DEFAULT}, {"ignore", IGNORE}, {"original", ORIGINAL},
    {NULL, 0},
};
/* clang-format on */

static const struct names disposition_names = {
    "handler", {NULL, NULL}, disposition_rows};

/* Signals belong to the process, so this is not part of a Lua state. Use it
 * under caught_lock. */
static struct {
    struct sigaction before[NSIG]; /* the action before a handler was set */
    bool replaced[NSIG];           /* whether `before` is set */
} signals;

static const char owner_key = 'o';

/* ---- calling handlers ---- */

/* Call the function on top with a signal. */
static void call_handler(lua_State *L, int number)
{
    names_push_constant(L, &signal_names, number);
    lua_pushinteger(L, number);
    lua_call(L, 2, 0);
}

/* Call the handlers of all signals that were caught. If one raises an error,
 * the owner's `__close`, which runs when this function ends either way, sets
 * the hook again: the other handlers then run at the next instruction. */
static int call_handlers(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key);
    lua_toclose(L, 1);
    lua_getiuservalue(L, 1, 1);
    for (int number = 1; number < NSIG; number++) {
        if (!caught_take(number))
            continue;
        if (lua_rawgeti(L, 2, number) == LUA_TFUNCTION)
            call_handler(L, number);
        else
            lua_pop(L, 1);
    }
    return 0;
}

static int owner_close(lua_State *L)
{
    (void)L;
    caught_run_later();
    return 0;
}

/* ---- setting handlers ---- */

/* Restore an action. Where that is the default one, signals that were caught
 * and sent on to another thread would end the process: ignoring them for a
 * moment drops those that are pending (sigaction(2)). SIGCHLD ends nothing, and
 * must not be ignored: the system would reap the children. */
static void replace_action(int number, const struct sigaction *before)
{
    struct sigaction ignored = {.sa_flags = 0};

    ignored.sa_handler = SIG_IGN;
    if (!(before->sa_flags & SA_SIGINFO) && before->sa_handler == SIG_DFL &&
        number != SIGCHLD)
        sigaction(number, &ignored, NULL);
    sigaction(number, before, NULL);
}

/* Restore the action from before a handler, if the handler is still set. */
static void restore(int number)
{
    struct sigaction now;

    if (signals.replaced[number] && sigaction(number, NULL, &now) == 0 &&
        caught_is_action(&now))
        replace_action(number, &signals.before[number]);
    signals.replaced[number] = false;
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
    caught_lock();
    for (int number = 1; number < NSIG; number++)
        restore(number);
    caught_unlock();
    caught_release();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

/* Push the table of this state's handlers, by number. */
static void push_handlers(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key) != LUA_TUSERDATA)
        luaL_error(L, "this Lua state is about to end");
    lua_getiuservalue(L, -1, 1);
    lua_remove(L, -2);
}

static void read_action(lua_State *L, int number, struct sigaction *now)
{
    if (sigaction(number, NULL, now) == -1)
        error_raise(L, "signal", errno, 1);
}

static void refuse(lua_State *L)
{
    error_raise_misuse(L,
                       "another Lua state handles the signals of this process");
}

/* Make this state the one whose handlers run. While another state ends, what it
 * has set may be read before. */
static void claim(lua_State *L)
{
    if (!caught_claim(interrupt_main_thread(L), call_handlers))
        refuse(L);
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

/* Push the disposition of a signal, in the form that sockeye.signal takes. */
static void push_disposition(lua_State *L, int number,
                             const struct sigaction *now)
{
    enum disposition disposition = ORIGINAL;

    if (caught_is_action(now)) {
        push_handlers(L);
        lua_rawgeti(L, -1, number);
        lua_remove(L, -2);
        if (lua_isfunction(L, -1))
            return;
        lua_pop(L, 1);
    } else if (now->sa_handler == SIG_DFL) {
        disposition = DEFAULT;
    } else if (now->sa_handler == SIG_IGN) {
        disposition = IGNORE;
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

/* The action to give to sigaction(2). */
static struct sigaction action_for(int number, enum disposition disposition,
                                   const struct sigaction *now)
{
    struct sigaction action = {.sa_flags = 0};

    if (disposition == HANDLER)
        return caught_action();
    if (disposition == ORIGINAL)
        return signals.replaced[number] ? signals.before[number] : *now;
    action.sa_handler = disposition == IGNORE ? SIG_IGN : SIG_DFL;
    sigfillset(&action.sa_mask);
    return action;
}

#define NOT_OURS (-1)

/* Set the action, and keep that from before. Sets `*taken` as
 * caught_set_action. Returns zero, errno, or NOT_OURS: another state has set a
 * handler meanwhile. */
static int set_action(int number, enum disposition disposition, bool owns,
                      bool *taken)
{
    struct sigaction now;
    struct sigaction action;
    int error;

    if (sigaction(number, NULL, &now) == -1)
        return errno;
    if (caught_is_action(&now) && !owns)
        return NOT_OURS;
    action = action_for(number, disposition, &now);
    if (caught_is_action(&action) || caught_is_action(&now))
        error = caught_set_action(number, &action, taken);
    else
        error = sigaction(number, &action, NULL) == 0 ? 0 : errno;
    if (error == 0 && !caught_is_action(&now)) {
        signals.before[number] = now;
        signals.replaced[number] = true;
    }
    return error;
}

/* Set the handler at index 2. It is put into the table first, since that may
 * fail for lack of memory; index 3 is the earlier disposition, which a signal
 * that came before is still handled by. */
static void set_disposition(lua_State *L, int number,
                            enum disposition disposition)
{
    bool owns = caught_is_owner(interrupt_main_thread(L));
    bool taken = false;
    int error;

    push_handlers(L);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, number);
    caught_lock();
    error = set_action(number, disposition, owns, &taken);
    caught_unlock();
    if (error != 0 || disposition != HANDLER) {
        lua_pushvalue(L, error != 0 ? 3 : 2);
        lua_rawseti(L, -2, number);
    }
    lua_pop(L, 1);
    if (error == NOT_OURS)
        refuse(L);
    if (error != 0)
        error_raise(L, "signal", error, 1);
    if (taken && lua_isfunction(L, 3)) {
        lua_pushvalue(L, 3);
        call_handler(L, number);
    }
}

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
interrupts a call that waits: the handler runs, then the call goes on with the
time that is left. An error that the handler raises is raised by that call, or
by whatever else the script was doing. If the handler closes a socket, the call
that waits on it raises ECANCELED. While no call waits, handlers run on the main
thread, at its next instruction: a coroutine that computes is interrupted only
when it waits or yields.

If a signal comes several times before its handler is called, it is called once.
A signal that has come before `signal` sets something else is handled by the
handler of that time, before `signal` returns. Handlers survive `fork`, but not `exec`. When the Lua state is closed, the
dispositions from before are restored. Only one Lua state of a process can have
handlers.
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
        claim(L);
        read_action(L, number, &now);
    }
    push_disposition(L, number, &now);
    if (reads)
        return 1;
    set_disposition(L, number, disposition);
    return 1;
}

/* ---- the owner ---- */

/* Push the owner of the handlers: a userdata for the registry, which is
 * collected when the state is closed. */
static void push_owner(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__close", owner_close},
        {"__gc", owner_gc},
        {NULL, NULL},
    };

    lua_newuserdatauv(L, 0, 1);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    metatable_push(L, OWNER_TYPE, metamethods);
    lua_setmetatable(L, -2);
}

void open_signals(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"signal", sockeye_signal},
        {NULL, NULL},
    };

    caught_prepare();
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_read_signal);
    lua_setfield(L, -2, "read_signal");
    lua_pop(L, 1);
    names_export(L, &signal_names);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key) == LUA_TNIL) {
        push_owner(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &owner_key);
    }
    lua_pop(L, 1);
}
