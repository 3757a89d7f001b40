/*
 * clock: a clock of its own for one thread, in place of CLOCK_MONOTONIC.
 *
 * Preloaded (LD_PRELOAD), it stands before the functions of the C library by
 * which the module reads the clock and waits. Between start() and stop(), for
 * the thread that has called start(), time passes in waits alone: one that finds
 * nothing ready moves the clock to the end of its time-out, and returns at once.
 * So what takes hours takes no time, and is the same each time. A wait without
 * a time-out, and every other thread, has the system's clock.
 *
 * Where there is no Linux of 64 bits, only luaopen_clock is built, whose table
 * has no start.
 */
#pragma GCC visibility push(default)

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

int luaopen_clock(lua_State *L);

#if defined(__linux__) && defined(__LP64__)

#include <sys/epoll.h>
#include <sys/syscall.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define SECOND INT64_C(1000000000)
#define MILLISECOND (SECOND / 1000)

/* Nanoseconds; 0: the system's clock. */
static _Thread_local int64_t moment;
static _Thread_local int64_t waits;

static int64_t to_nanoseconds(const struct timespec *t)
{
    return t->tv_sec * SECOND + t->tv_nsec;
}

typedef long system_call(long number, ...);

/* The C library's syscall(2). */
static system_call *call_system(void)
{
    static system_call *found;

    if (found == NULL)
        found = __extension__(system_call *) dlsym(RTLD_NEXT, "syscall");
    return found;
}

/* Nothing was ready: let the time of the wait pass. */
static void pass(int64_t nanoseconds)
{
    moment += nanoseconds;
    waits++;
}

/* ---- the clock ---- */

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (moment == 0 || id != CLOCK_MONOTONIC)
        return (int)call_system()(SYS_clock_gettime, id, t);
    t->tv_sec = (time_t)(moment / SECOND);
    t->tv_nsec = (long)(moment % SECOND);
    return 0;
}

/* ---- waits ---- */

static int poll_once(struct pollfd *fds, nfds_t count, const sigset_t *mask)
{
    struct timespec none = {0, 0};

    return (int)call_system()(SYS_ppoll, fds, count, &none, mask, _NSIG / 8);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit,
          const sigset_t *mask)
{
    struct timespec left;
    int n;

    if (moment == 0 || limit == NULL) {
        left = limit != NULL ? *limit : (struct timespec){0, 0};
        return (int)call_system()(SYS_ppoll, fds, count,
                                  limit != NULL ? &left : NULL, mask,
                                  _NSIG / 8);
    }
    n = poll_once(fds, count, mask);
    if (n == 0)
        pass(to_nanoseconds(limit));
    return n;
}

int poll(struct pollfd *fds, nfds_t count, int limit)
{
    struct timespec left = {limit / 1000, limit % 1000 * MILLISECOND};

    return ppoll(fds, count, limit < 0 ? NULL : &left, NULL);
}

int epoll_pwait2(int fd, struct epoll_event *events, int size,
                 const struct timespec *limit, const sigset_t *mask)
{
    int n;

    if (moment == 0 || limit == NULL)
        return (int)call_system()(SYS_epoll_pwait2, fd, events, size, limit,
                                  mask, _NSIG / 8);
    n = (int)call_system()(SYS_epoll_pwait, fd, events, size, 0, mask,
                           _NSIG / 8);
    if (n == 0)
        pass(to_nanoseconds(limit));
    return n;
}

/* A C library without epoll_pwait2 is asked for it by its number. */
long syscall(long number, ...)
{
    void *a[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, void *);
    va_end(list);
    if (number == SYS_epoll_pwait2 && moment != 0)
        return epoll_pwait2((int)(intptr_t)a[0], a[1], (int)(intptr_t)a[2],
                            a[3], a[4]);
    return call_system()(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int epoll_pwait(int fd, struct epoll_event *events, int size, int limit,
                const sigset_t *mask)
{
    bool simulated = moment != 0 && limit >= 0;
    int n = (int)call_system()(SYS_epoll_pwait, fd, events, size,
                               simulated ? 0 : limit, mask, _NSIG / 8);

    if (simulated && n == 0)
        pass(limit * MILLISECOND);
    return n;
}

int epoll_wait(int fd, struct epoll_event *events, int size, int limit)
{
    return epoll_pwait(fd, events, size, limit, NULL);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *wanted,
                    struct timespec *left)
{
    int64_t nanoseconds = to_nanoseconds(wanted);

    if (moment == 0 || id != CLOCK_MONOTONIC)
        return call_system()(SYS_clock_nanosleep, id, flags, wanted, left) == -1
                   ? errno
                   : 0;
    if (flags & TIMER_ABSTIME)
        nanoseconds -= moment;
    pass(nanoseconds > 0 ? nanoseconds : 0);
    return 0;
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left);

    errno = error != 0 ? error : errno;
    return error != 0 ? -1 : 0;
}

/* ---- for Lua ---- */

/* start(nanoseconds): the clock has that time from now on. */
static int clock_start(lua_State *L)
{
    moment = luaL_checkinteger(L, 1);
    luaL_argcheck(L, moment > 0, 1, "must be positive");
    waits = 0;
    return 0;
}

/* stop() -> how many waits were ended by the clock. */
static int clock_stop(lua_State *L)
{
    moment = 0;
    lua_pushinteger(L, waits);
    return 1;
}

/* now() -> nanoseconds; 0: the system's clock. */
static int clock_time(lua_State *L)
{
    lua_pushinteger(L, moment);
    return 1;
}

static const luaL_Reg functions[] = {
    {"now", clock_time},
    {"start", clock_start},
    {"stop", clock_stop},
    {NULL, NULL},
};

#else

static const luaL_Reg functions[] = {{NULL, NULL}};

#endif

int luaopen_clock(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
