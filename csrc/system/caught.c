/*
 * caught: signals between the moment in which they come and that in which their
 * handler in Lua runs; see caught.h.
 *
 * Follows sigaction(2), signal(7), signal-safety(7) and tgkill(2). The handler
 * in C marks the signal as caught and sets a hook on the main thread, the only
 * change to a Lua state that is safe at that moment. In another thread than the
 * state's it sends the signal on.
 *
 * A signal that comes just before a call blocks does not interrupt it.
 * Therefore a timer resends a signal until its Lua handler has run. SA_RESTART:
 * Lua's own `io` never fails with EINTR; this module's calls wait in ppoll(2),
 * which is never restarted (loop/running.h).
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "system/caught.h"
#include "system/resend.h"

#define EVERY_EVENT (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)
#define PATIENCE NANOSECONDS /* for a signal that has been sent */

#ifdef SYS_tgkill
typedef pid_t thread_number;
#else
typedef pthread_t thread_number;
#endif

static struct {
    _Atomic(lua_State *) owner;    /* of the state with the handlers; or NULL */
    _Atomic(lua_State *) main;     /* the same; NULL: it is being closed */
    _Atomic(thread_number) thread; /* in which that state runs */
    atomic_int catching;           /* threads in the handler in C */
    atomic_bool passes[NSIG]; /* the handler in C marks it, or sends it on */
    atomic_bool caught[NSIG];
    atomic_uint comings[NSIG];       /* how often it was caught */
    _Atomic(lua_CFunction) handlers; /* calls those of what was caught */
    lua_Hook hook;                   /* the hook that ours replaced */
    int hook_mask;
    int hook_count;
    sigset_t before_fork; /* of the thread that forks, which holds the lock */
} signals;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void caught_lock(void)
{
    pthread_mutex_lock(&lock);
}

void caught_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- threads ---- */

#ifdef SYS_tgkill
/* A new thread may have the pthread_t of one that has ended. */
static thread_number this_thread(void)
{
    return (thread_number)syscall(SYS_gettid);
}

/* Send a signal to the state's thread. It may have ended: then this is false. */
static bool send_on(int number)
{
    return syscall(SYS_tgkill, getpid(), atomic_load(&signals.thread),
                   number) == 0;
}
#else
static thread_number this_thread(void)
{
    return pthread_self();
}

static bool send_on(int number)
{
    return pthread_kill(atomic_load(&signals.thread), number) == 0;
}
#endif

static bool is_here(void)
{
    return atomic_load(&signals.thread) == this_thread();
}

static void note_thread(void)
{
    atomic_store(&signals.thread, this_thread());
}

/* Block every signal in this thread. */
static void block_all(sigset_t *before)
{
    sigset_t every;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, before);
}

static void wait_for_handlers(void)
{
    while (atomic_load(&signals.catching) > 0)
        sched_yield();
}

/* ---- the hook ---- */

static void run_handlers(lua_State *L, lua_Debug *ar);

/* Is called in signal handlers, too. */
static void set_hook(lua_State *main)
{
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
    lua_State *main = atomic_load(&signals.main);
    lua_Hook hook = lua_gethook(main);

    if (hook == run_handlers || hook == NULL)
        lua_sethook(main, signals.hook, signals.hook_mask, signals.hook_count);
    signals.hook = NULL;
    signals.hook_mask = 0;
    signals.hook_count = 0;
}

/* Our hook. */
static void run_handlers(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    remove_hook();
    luaL_checkstack(L, 1, NULL);
    lua_pushcfunction(L, atomic_load(&signals.handlers));
    lua_call(L, 0, 0);
}

/* ---- a signal comes ---- */

static void mark(lua_State *main, int number, const siginfo_t *info)
{
    if (resend_is(info) && !atomic_load(&signals.caught[number]))
        return;
    if (!resend_is(info))
        atomic_fetch_add(&signals.comings[number], 1);
    atomic_store(&signals.caught[number], true);
    set_hook(main);
    resend_start(number);
}

/* The handler in C, which runs with every signal blocked. A signal for a thread
 * that has ended waits until the state is found elsewhere. */
static void catch (int number, siginfo_t *info, void *context)
{
    int error = errno;
    lua_State *main;

    (void)context;
    atomic_fetch_add(&signals.catching, 1);
    main = atomic_load(&signals.main);
    if (main != NULL && atomic_load(&signals.passes[number])) {
        if (is_here())
            mark(main, number, info);
        else if (!send_on(number))
            atomic_store(&signals.caught[number], true);
    }
    atomic_fetch_sub(&signals.catching, 1);
    errno = error;
}

bool caught_take(int number)
{
    if (!atomic_load(&signals.caught[number]))
        return false;
    resend_stop(number);
    atomic_store(&signals.caught[number], false);
    return true;
}

bool caught_is_any(void)
{
    for (int number = 1; number < NSIG; number++) {
        if (atomic_load(&signals.caught[number]))
            return true;
    }
    return false;
}

void caught_run_later(void)
{
    lua_State *main = atomic_load(&signals.main);

    if (main != NULL)
        set_hook(main);
}

/* ---- the state, and its thread ---- */

/* The state may have come to this thread. */
static void find(lua_State *main)
{
    sigset_t before;

    if (main != atomic_load(&signals.main) || is_here())
        return;
    block_all(&before);
    note_thread();
    for (int number = 1; number < NSIG; number++)
        resend_move(number);
    if (caught_is_any())
        caught_run_later();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool caught_is_owner(const lua_State *main)
{
    return atomic_load(&signals.owner) == main;
}

bool caught_claim(lua_State *main, lua_CFunction handlers)
{
    lua_State *none = NULL;

    if (!atomic_compare_exchange_strong(&signals.owner, &none, main)) {
        if (none == main)
            find(main);
        return none == main;
    }
    note_thread();
    atomic_store(&signals.handlers, handlers);
    atomic_store(&signals.main, main);
    interrupt_on_find(find);
    return true;
}

void caught_leave(void)
{
    if (lua_gethook(atomic_load(&signals.main)) == run_handlers)
        remove_hook();
    atomic_store(&signals.main, NULL);
    wait_for_handlers();
    for (int number = 1; number < NSIG; number++) {
        resend_delete(number);
        atomic_store(&signals.caught[number], false);
        atomic_store(&signals.passes[number], false);
    }
}

void caught_release(void)
{
    interrupt_on_find(NULL);
    atomic_store(&signals.owner, NULL);
}

/* ---- actions ---- */

struct sigaction caught_action(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};

    action.sa_sigaction = catch;
    sigfillset(&action.sa_mask);
    return action;
}

bool caught_is_action(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == catch;
}

/* Whether this process has sent it, as the handler in C does. The C library may
 * report SI_USER for SI_TKILL. */
static bool was_sent_on(const siginfo_t *info)
{
    bool by_process = info->si_code == SI_TKILL || info->si_code == SI_USER;

    return by_process && info->si_pid == getpid();
}

/* Take the signals that the handler in C has sent on. Returns whether there was
 * one; sets `*others` if one has come that it has never seen. Every signal is
 * blocked. */
static bool take_sent_on(int number, bool *others)
{
    const struct timespec at_once = {0, 0};
    bool taken = false;
    siginfo_t info;
    sigset_t one;
    int result;

    *others = false;
    sigemptyset(&one);
    sigaddset(&one, number);
    do {
        result = sigtimedwait(&one, &info, &at_once);
        if (result == number) {
            taken |= was_sent_on(&info);
            *others |= !was_sent_on(&info) && !resend_is(&info);
        }
    } while (result == number || (result == -1 && errno == EINTR));
    return taken;
}

/* The handler in C first stops to send the signal on. */
int caught_set_action(int number, const struct sigaction *action, bool *taken)
{
    sigset_t before;
    bool others;
    int error;

    block_all(&before);
    *taken = caught_take(number);
    atomic_store(&signals.passes[number], false);
    wait_for_handlers();
    resend_delete(number);
    *taken |= take_sent_on(number, &others);
    if (caught_is_action(action)) {
        resend_create(number);
        atomic_store(&signals.passes[number], true);
    }
    error = sigaction(number, action, NULL) == 0 ? 0 : errno;
    if (others)
        kill(getpid(), number);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* ---- sending ---- */

static void unblock(int number, sigset_t *before)
{
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, number);
    pthread_sigmask(SIG_UNBLOCK, &one, before);
}

int caught_send_self(int number)
{
    sigset_t before;
    int error;

    unblock(number, &before);
    error = pthread_kill(pthread_self(), number);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* Another thread may receive the signal: then it sends it on. */
int caught_send_group(pid_t group, int number)
{
    const struct timespec moment = {0, 100000};
    unsigned comings = atomic_load(&signals.comings[number]);
    int64_t deadline = clock_after(PATIENCE);
    sigset_t before;
    int error;

    unblock(number, &before);
    error = kill(group, number) == 0 ? 0 : errno;
    while (error == 0 && atomic_load(&signals.comings[number]) == comings &&
           clock_now() < deadline)
        nanosleep(&moment, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* ---- fork ---- */

/* The child must not take a signal sent to it for one that its parent has
 * caught. */
static void before_fork(void)
{
    sigset_t before;

    caught_lock();
    block_all(&before);
    signals.before_fork = before;
}

static void after_fork(void)
{
    sigset_t before = signals.before_fork;

    caught_unlock();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The parent handles what was caught. */
static void begin_child(void)
{
    lua_State *main = atomic_load(&signals.main);

    atomic_store(&signals.catching, 0);
    if (main != NULL) {
        note_thread();
        for (int number = 1; number < NSIG; number++) {
            atomic_store(&signals.caught[number], false);
            resend_inherit(number);
        }
        if (lua_gethook(main) == run_handlers)
            remove_hook();
    }
    after_fork();
}

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    pthread_atfork(before_fork, after_fork, begin_child);
}

void caught_prepare(void)
{
    pthread_once(&prepared, prepare);
}
