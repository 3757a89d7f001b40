/*
 * wait: the one way to wait.
 *
 * A call that can block is a loop around the system call:
 *
 *     struct wait w;
 *
 *     flags |= wait_start(&w, &s->handle, POLLIN, flags);
 *     do
 *         n = recv(s->handle.fd, buffer, size, flags);
 *     while (n == -1 && wait_again(L, &w));
 *     if (n == -1)
 *         return wait_failed(L, &w, "recv", 0);
 *
 * Without a time-out that is one system call, which blocks in the kernel. With
 * one it is tried without blocking, and the waiting in between is done by
 * poll(2) until the deadline. Lua code may run inside wait_again: nothing that
 * would be lost if it raised, and no buffer that it could reuse, may be held
 * over it.
 */
#ifndef SOCKEYE_WAIT_H
#define SOCKEYE_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <lua.h>

#define NO_DEADLINE INT64_MAX /* as a time-out, too */

/* A descriptor, and how long its owner will wait for it. */
struct handle {
    int fd;           /* -1: closed */
    bool nonblocking; /* the owner has set O_NONBLOCK */
    int64_t timeout;  /* nanoseconds; 0: never wait; NO_DEADLINE: for ever */
};

enum wait_outcome { WAIT_ERROR, WAIT_WOULD_BLOCK, WAIT_TIMED_OUT };

/* The waiting of one call. */
struct wait {
    struct handle *handle;
    short events;     /* as poll(2) has them */
    int flags;        /* the call's MSG_ flags: MSG_DONTWAIT is heeded */
    int64_t deadline; /* nanoseconds of wait_now; 0: not yet determined */
    int error;        /* after wait_again has said no: errno, and why */
    enum wait_outcome outcome;
};

/* Nanoseconds of a clock that never goes back (CLOCK_MONOTONIC). */
int64_t wait_now(void);

/* `timeout` nanoseconds from now. */
int64_t wait_deadline(int64_t timeout);

/* poll(2) until `deadline`. */
int wait_poll(struct pollfd *fds, nfds_t count, int64_t deadline);

/* Whether the kernel may do the waiting, in the call itself. */
static inline bool wait_blocks(const struct handle *handle)
{
    return handle->timeout == NO_DEADLINE;
}

/* Begin a call. The result is MSG_DONTWAIT where the call may not block. */
static inline int wait_start(struct wait *w, struct handle *handle,
                             short events, int flags)
{
    w->handle = handle;
    w->events = events;
    w->flags = flags;
    w->deadline = 0;
    return wait_blocks(handle) ? 0 : MSG_DONTWAIT;
}

/* Whether the caller wants to be told at once that it would have to wait. */
bool wait_never(const struct wait *w);

/* After an attempt that failed with errno: whether to try once more, having
 * waited and run what signals left to be run (which may raise). */
bool wait_again(lua_State *L, struct wait *w);

/* Wait for w->events. False, with the outcome set, at the deadline. */
bool wait_ready(lua_State *L, struct wait *w);

/* After wait_again said no: raise, or push false where it would block. */
int wait_failed(lua_State *L, const struct wait *w, const char *call,
                int subject);

/* The same, but push the error object in place of raising it. */
void wait_push_error(lua_State *L, const struct wait *w, const char *call,
                     int subject);

/* Run the Lua hook that a signal handler has set, if there is one; it may
 * raise. This is how the `lua` command and sockeye.signal get attention. */
void wait_interrupted(lua_State *L);

/* A number of seconds at `arg` as nanoseconds; nil: NO_DEADLINE. */
int64_t wait_check_seconds(lua_State *L, int arg);

/* sleep and now, into the module table on top of the stack. */
void open_wait(lua_State *L);

#endif
