/*
 * signals: signal handlers written in Lua.
 *
 * Follows sigaction(2), signal(7) and signal-safety(7). The handler in C marks
 * the signal as caught and sets a hook on the main thread, the only change to a
 * Lua state that is safe at that moment. The hook calls the Lua handlers at the
 * next instruction, or from interrupt_run while a call waits.
 *
 * A signal that comes just before a call blocks does not interrupt it.
 * Therefore a timer resends a signal until its Lua handler has run.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <lauxlib.h>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "base/names.h"
#include "open.h"
#include "system/resend.h"
#include "system/signal_names.h"
#include "system/signals.h"

#define EVERY_EVENT (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)
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

/* Signals belong to the process, so this is not part of a Lua state. */
static struct {
    _Atomic(lua_State *) main; /* of the state with the handlers; or NULL */
    _Atomic(pthread_t) thread; /* the thread that state runs in */
    atomic_int catching;       /* threads in the handler in C */
    volatile sig_atomic_t caught[NSIG];
    struct sigaction before[NSIG]; /* the action before a handler was set */
    bool replaced[NSIG];           /* whether `before` is set */
    lua_Hook hook;                 /* the hook that ours replaced */
    int hook_mask;
    int hook_count;
} signals;

static const char owner_key = 'o';

/* ---- from the signal to the handler ---- */

static void run_handlers(lua_State *L, lua_Debug *ar);

/* Set the hook. Is called in signal handlers, too. */
static void set_hook(void)
{
    lua_State *main = signals.main;

    if (lua_gethook(main) == run_handlers)
        return;
    signals.hook = lua_gethook(main);
    signals.hook_mask = lua_gethookmask(main);
    signals.hook_count = lua_gethookcount(main);
    lua_sethook(main, run_handlers, EVERY_EVENT, 1);
}

/* Restore the hook that ours has replaced, unless another was set since. */
static void remove_hook(void)
{
    lua_Hook hook = lua_gethook(signals.main);

    if (hook == run_handlers || hook == NULL)
        lua_sethook(signals.main, signals.hook, signals.hook_mask,
                    signals.hook_count);
    signals.hook = NULL;
    signals.hook_mask = 0;
    signals.hook_count = 0;
}

/* The handler in C, which runs with every signal blocked. */
static void catch (int number, siginfo_t *info, void *context)
{
    int error = errno;

    (void)context;
    atomic_fetch_add(&signals.catching, 1);
    if (signals.main == NULL) {
        /* the state is about to be closed */
    } else if (!pthread_equal(pthread_self(), signals.thread)) {
        pthread_kill(signals.thread, number);
    } else if (!resend_is(info) || signals.caught[number]) {
        signals.caught[number] = 1;
        set_hook();
        resend_start(number);
    }
    atomic_fetch_sub(&signals.catching, 1);
    errno = error;
}

static void forget(int number)
{
    resend_stop(number);
    signals.caught[number] = 0;
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
        if (!signals.caught[number])
            continue;
        forget(number);
        if (lua_rawgeti(L, 2, number) == LUA_TFUNCTION) {
            names_push_constant(L, &signal_names, number);
            lua_pushinteger(L, number);
            lua_call(L, 2, 0);
        } else {
            lua_pop(L, 1);
        }
    }
    return 0;
}

static int owner_close(lua_State *L)
{
    (void)L;
    for (int number = 1; number < NSIG; number++) {
        if (signals.caught[number])
            set_hook();
    }
    return 0;
}

/* The hook itself. */
static void run_handlers(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    remove_hook();
    luaL_checkstack(L, 1, NULL);
    lua_pushcfunction(L, call_handlers);
    lua_call(L, 0, 0);
}

void signals_forked(void)
{
    atomic_store(&signals.catching, 0);
    if (signals.main == NULL)
        return;
    signals.thread = pthread_self();
    for (int number = 1; number < NSIG; number++) {
        signals.caught[number] = 0;
        resend_inherit(number);
    }
    if (lua_gethook(signals.main) == run_handlers)
        remove_hook();
}

/* ---- setting handlers ---- */

static bool is_caught(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == catch;
}

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

    resend_delete(number);
    if (signals.replaced[number] && sigaction(number, NULL, &now) == 0 &&
        is_caught(&now))
        replace_action(number, &signals.before[number]);
    signals.replaced[number] = false;
    signals.caught[number] = 0;
}

/* From here on no handler in C uses the state, in whichever thread. */
static void leave_state(void)
{
    if (lua_gethook(signals.main) == run_handlers)
        remove_hook();
    signals.main = NULL;
    while (atomic_load(&signals.catching) > 0)
        sched_yield();
}

/* The Lua state is being closed: restore all actions, so that no signal reaches
 * it any more. */
static int owner_gc(lua_State *L)
{
    sigset_t every;
    sigset_t before;

    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &owner_key);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    if (lua_tothread(L, -1) != signals.main)
        return 0;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    leave_state();
    for (int number = 1; number < NSIG; number++)
        restore(number);
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

/* Make this state the one whose handlers run. */
static void claim(lua_State *L)
{
    lua_State *main;

    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    main = lua_tothread(L, -1);
    lua_pop(L, 1);
    if (signals.main != NULL && signals.main != main)
        error_raise_misuse(
            L, "another Lua state handles the signals of this process");
    signals.thread = pthread_self();
    signals.main = main;
}

bool signals_send_self(lua_State *L, int number)
{
    struct sigaction now;
    sigset_t one;
    sigset_t before;

    if (number == 0 || signals.main != interrupt_main_thread(L) ||
        sigaction(number, NULL, &now) == -1 || !is_caught(&now))
        return false;
    signals.thread = pthread_self();
    sigemptyset(&one);
    sigaddset(&one, number);
    pthread_sigmask(SIG_UNBLOCK, &one, &before);
    pthread_kill(signals.thread, number);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return true;
}

/* Push the disposition of a signal, in the form that sockeye.signal takes. */
static void push_disposition(lua_State *L, int number,
                             const struct sigaction *now)
{
    enum disposition disposition = ORIGINAL;

    if (is_caught(now)) {
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

    switch (disposition) {
    case HANDLER:
        action.sa_sigaction = catch;
        action.sa_flags = SA_SIGINFO;
        break;
    case IGNORE:
        action.sa_handler = SIG_IGN;
        break;
    case DEFAULT:
        action.sa_handler = SIG_DFL;
        break;
    case ORIGINAL:
        return signals.replaced[number] ? signals.before[number] : *now;
    }
    sigfillset(&action.sa_mask);
    return action;
}

/* Set the handler at index 2. It is put into the table first, since that may
 * fail for lack of memory; index 3 is the earlier disposition. */
static void set_disposition(lua_State *L, int number,
                            enum disposition disposition,
                            const struct sigaction *now)
{
    struct sigaction action = action_for(number, disposition, now);
    int error;

    push_handlers(L);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, number);
    if (disposition == HANDLER)
        resend_create(number);
    error = sigaction(number, &action, NULL) == 0 ? 0 : errno;
    if (error == 0 && !is_caught(now)) {
        signals.before[number] = *now;
        signals.replaced[number] = true;
    }
    if (error != 0 || disposition != HANDLER) {
        lua_pushvalue(L, error != 0 ? 3 : 2);
        lua_rawseti(L, -2, number);
    }
    if (!is_caught(error ? now : &action)) {
        resend_delete(number);
        forget(number);
    }
    lua_pop(L, 1);
    if (error != 0)
        error_raise(L, "signal", error, 1);
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
Handlers survive `fork`, but not `exec`. When the Lua state is closed, the
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
    if (sigaction(number, NULL, &now) == -1)
        return error_raise(L, "signal", errno, 1);
    push_disposition(L, number, &now);
    if (reads)
        return 1;
    if (disposition == HANDLER || is_caught(&now))
        claim(L);
    set_disposition(L, number, disposition, &now);
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
