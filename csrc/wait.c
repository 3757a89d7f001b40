/*
 * wait: the one way to wait; see wait.h.
 *
 * Follows poll(2), signal(7) and PEP 475's rule: EINTR never reaches a script,
 * but the handlers of the signal run before the call goes on, and a handler that
 * raises ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <lauxlib.h>

#include "error.h"
#include "wait.h"

#define NANOSECONDS INT64_C(1000000000)

int64_t wait_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NANOSECONDS + ts.tv_nsec;
}

int64_t wait_deadline(int64_t timeout)
{
    int64_t now;

    if (timeout == NO_DEADLINE)
        return NO_DEADLINE;
    now = wait_now();
    return timeout < NO_DEADLINE - now ? now + timeout : NO_DEADLINE;
}

/* What is left until `deadline`, for ppoll; NULL is for ever. */
static struct timespec *time_left(int64_t deadline, struct timespec *ts)
{
    int64_t left;

    if (deadline == NO_DEADLINE)
        return NULL;
    left = deadline - wait_now();
    if (left < 0)
        left = 0;
    ts->tv_sec = left / NANOSECONDS;
    ts->tv_nsec = left % NANOSECONDS;
    return ts;
}

int wait_poll(struct pollfd *fds, nfds_t count, int64_t deadline)
{
    struct timespec ts;

    return ppoll(fds, count, time_left(deadline, &ts), NULL);
}

static lua_State *main_thread(lua_State *L)
{
    lua_State *main;

    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main;
}

/* A hook on every event of the main thread is how a signal handler asks for
 * attention: it can safely do nothing else. */
static bool wants_attention(lua_State *main)
{
    return (lua_gethookmask(main) & LUA_MASKCALL) &&
           lua_gethookcount(main) == 1;
}

/* Call the hook of the main thread on L, whichever coroutine that is, and even
 * if L is itself inside of a hook, where Lua would call none. A hook that has
 * raised is done with; one that returns may be a debugger's, and stays. */
static void call_hook(lua_State *L, lua_State *main)
{
    lua_Hook hook = lua_gethook(main);
    int mask = lua_gethookmask(main);
    int top = lua_gettop(L);
    lua_Debug ar;

    lua_sethook(main, NULL, 0, 0);
    lua_getstack(L, 0, &ar);
    ar.event = LUA_HOOKCOUNT;
    ar.currentline = -1;
    hook(L, &ar);
    lua_settop(L, top);
    if (lua_gethook(main) == NULL)
        lua_sethook(main, hook, mask, 1);
}

/* The second hook is one that the first had covered, and has put back. */
void wait_interrupted(lua_State *L)
{
    lua_State *main = main_thread(L);

    for (int turn = 0; turn < 2 && wants_attention(main); turn++)
        call_hook(L, main);
}

bool wait_never(const struct wait *w)
{
    const struct handle *handle = w->handle;

    return (w->flags & MSG_DONTWAIT) || handle->timeout == 0 ||
           (wait_blocks(handle) && handle->nonblocking);
}

static bool end_wait(struct wait *w, enum wait_outcome outcome, int error)
{
    w->outcome = outcome;
    w->error = error;
    return false;
}

/* Handlers run while a call waits may close what it waits for. */
static bool still_open(struct wait *w)
{
    return w->handle->fd != -1 || end_wait(w, WAIT_ERROR, ECANCELED);
}

/* Outside a task the kernel does the waiting; inside one the task will yield
 * here. */
bool wait_ready(lua_State *L, struct wait *w)
{
    if (w->deadline == 0)
        w->deadline = wait_deadline(wait_never(w) ? 0 : w->handle->timeout);
    while (still_open(w)) {
        struct pollfd p = {w->handle->fd, w->events, 0};
        int n = wait_poll(&p, 1, w->deadline);

        if (n > 0)
            return true;
        if (n == 0)
            return end_wait(w,
                            wait_never(w) ? WAIT_WOULD_BLOCK : WAIT_TIMED_OUT,
                            ETIMEDOUT);
        if (errno != EINTR)
            return end_wait(w, WAIT_ERROR, errno);
        wait_interrupted(L);
    }
    return false;
}

/* EAGAIN from a call that was to block: somebody else has set O_NONBLOCK on
 * the open file, and then waiting is up to us; or SO_RCVTIMEO has run out.
 * MSG_OOB never blocks, and urgent data may be announced before it comes. */
static bool is_shared_nonblocking(const struct wait *w)
{
    return fcntl(w->handle->fd, F_GETFL) & O_NONBLOCK;
}

bool wait_again(lua_State *L, struct wait *w)
{
    int error = errno;

    if (error == EINTR) {
        wait_interrupted(L);
        return still_open(w);
    }
    if (error != EAGAIN && error != EWOULDBLOCK)
        return end_wait(w, WAIT_ERROR, error);
    if (wait_never(w))
        return end_wait(w, WAIT_WOULD_BLOCK, error);
    if (wait_blocks(w->handle) && w->events != POLLPRI &&
        !is_shared_nonblocking(w))
        return end_wait(w, WAIT_ERROR, error);
    return wait_ready(L, w);
}

void wait_push_error(lua_State *L, const struct wait *w, const char *call,
                     int subject)
{
    if (w->outcome == WAIT_TIMED_OUT)
        push_timeout(L, call, subject);
    else
        push_errno(L, call, w->error, subject);
}

int wait_failed(lua_State *L, const struct wait *w, const char *call,
                int subject)
{
    if (w->outcome == WAIT_WOULD_BLOCK) {
        lua_pushboolean(L, false);
        return 1;
    }
    wait_push_error(L, w, call, subject);
    return lua_error(L);
}

int64_t wait_check_seconds(lua_State *L, int arg)
{
    lua_Number seconds;

    if (lua_isnoneornil(L, arg))
        return NO_DEADLINE;
    seconds = luaL_checknumber(L, arg);
    luaL_argcheck(L, seconds >= 0, arg, "seconds must not be negative");
    if (seconds >= (lua_Number)(NO_DEADLINE / NANOSECONDS))
        return NO_DEADLINE;
    return (int64_t)ceil(seconds * (lua_Number)NANOSECONDS);
}

/*** Do nothing for a while.
Signal handlers run meanwhile, and the sleep goes on with the time that is left.
@function sleep
@number seconds fractions are honoured
@raise argument error for a negative number; what a signal handler raises
*/
static int sockeye_sleep(lua_State *L)
{
    int64_t deadline;

    luaL_checknumber(L, 1);
    deadline = wait_deadline(wait_check_seconds(L, 1));
    while (wait_poll(NULL, 0, deadline) == -1) {
        if (errno != EINTR)
            return raise_errno(L, "sleep", errno, 0);
        wait_interrupted(L);
    }
    return 0;
}

/*** The time of a clock that never goes back (CLOCK_MONOTONIC).
@function now
@treturn number seconds, with fractions, since an arbitrary moment
*/
static int sockeye_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)wait_now() / (lua_Number)NANOSECONDS);
    return 1;
}

void open_wait(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"sleep", sockeye_sleep},
        {"now", sockeye_now},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
