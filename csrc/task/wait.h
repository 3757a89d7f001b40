/*
 * wait: the one way to wait.
 *
 * A call that can block is a loop around the system call:
 *
 *     flags |= wait_start(L, &w, &recv_call, &s->handle, flags, context);
 *     do
 *         n = recv(s->handle.fd, buffer, size, flags);
 *     while (n == -1 && wait_again(L, &w));
 *     if (n == -1)
 *         return wait_failed(L, &w, 0);
 *
 * Without a time-out that is one system call, which blocks in the kernel. With
 * one it is tried without blocking, and the waiting in between is done by
 * poll(2) until the deadline. Inside a task wait_again yields to the loop, and
 * does not return: the call's step is called from its beginning when the task
 * goes on, with a context that is not 0. Lua code may run inside wait_again:
 * nothing that would be lost if it raised, and no buffer that it could reuse,
 * may be held over it.
 */
#ifndef SOCKEYE_TASK_WAIT_H
#define SOCKEYE_TASK_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <lua.h>

#include "loop/loop.h"
#include "task/context.h"
#include "task/outside.h"
#include "task/task.h"

enum wait_outcome { WAIT_ERROR, WAIT_WOULD_BLOCK, WAIT_TIMED_OUT };

/* What is the same for every call of a kind. */
struct call {
    const char *name;   /* for errors */
    short events;       /* what it waits for, as poll(2) has them */
    lua_KFunction step; /* the call, to be made again when a task resumes */
};

/* The waiting of one call. */
struct wait {
    const struct call *call;
    struct handle *handle;
    lua_KContext context; /* what step was called with (context.h) */
    uint64_t progress;    /* the call's own note of how far it has come: step
                             finds here, after a wait, what it left; or 0 */
    int flags;            /* the call's MSG_ flags: MSG_DONTWAIT is heeded */
    struct task *task;    /* that makes the call and is to yield; or NULL */
    int64_t deadline;     /* nanoseconds of clock_now; 0: not yet known */
    int error;            /* after wait_again has said no: errno, and why */
    enum wait_outcome outcome;
};

/* `timeout` nanoseconds from now. */
int64_t wait_deadline(int64_t timeout);

/* poll(2) until `deadline`. */
int wait_poll(struct pollfd *fds, nfds_t count, int64_t deadline);

/* Whether the kernel may do the waiting, in the call itself. */
static inline bool wait_blocks(const struct handle *handle)
{
    return loop_running() == NULL && handle->timeout == NO_DEADLINE;
}

/* Whether a task is running, which may not block. */
static inline bool wait_is_in_task(void)
{
    return task_has_coroutine(loop_running());
}

/* For wait_start: a task that never has to wait lets the others run, and is
 * told afterwards what speaks against going on. */
void wait_let_others(lua_State *L, const struct wait *w);

/* Begin a call. The result is MSG_DONTWAIT where the call may not block. */
static inline int wait_start(lua_State *L, struct wait *w,
                             const struct call *call, struct handle *handle,
                             int flags, lua_KContext context)
{
    struct task *t = loop_running();

    w->call = call;
    w->handle = handle;
    w->context = context;
    w->progress = 0;
    w->flags = flags;
    w->deadline = 0;
    w->task = NULL;
    if (t == NULL)
        return handle->timeout == NO_DEADLINE ? 0 : MSG_DONTWAIT;
    if (t->top != L)
        return MSG_DONTWAIT;
    w->task = t;
    if (context > WAIT_FIRST)
        w->progress = t->progress;
    else if (context == WAIT_POSTPONED || t->budget-- <= 0)
        wait_let_others(L, w);
    return MSG_DONTWAIT;
}

/* A call that has done as much as so many more counts as these. */
static inline void wait_charge(const struct wait *w, size_t calls)
{
    if (w->task != NULL)
        w->task->budget -= (int)calls;
}

/* Whether the caller wants to be told at once that it would have to wait. */
static inline bool wait_is_nonblocking(const struct wait *w)
{
    const struct handle *handle = w->handle;

    return (w->flags & MSG_DONTWAIT) || handle->timeout == 0 ||
           (handle->timeout == NO_DEADLINE && handle->nonblocking);
}

/* Whether it is known that there is nothing to read. A change is noticed by who
 * waits; a caller that never does has to look. */
static inline bool wait_is_drained(const struct wait *w)
{
    return w->task != NULL && w->handle->registration.drained &&
           !wait_is_nonblocking(w);
}

/* Less was read than was asked for. */
static inline void wait_note_drained(const struct wait *w)
{
    if (w->task != NULL)
        w->handle->registration.drained =
            !w->handle->registration.ended && !w->handle->registration.urgent;
}

/* After an attempt that failed with errno: whether to try once more, having
 * waited and run what signals left to be run (which may raise). */
bool wait_again(lua_State *L, struct wait *w);

/* For a call that has done a part of its work when its task goes on: false,
 * with the outcome, where something speaks against going on, though nothing
 * might have to be waited for. Unlike wait_start, it does not raise that. */
bool wait_may_continue(struct wait *w, const struct call *call);

/* Wait for w->events. False, with the outcome set, at the deadline. */
bool wait_ready(lua_State *L, struct wait *w);

/* Try again a little later, for there is nothing that tells. */
bool wait_briefly(lua_State *L, struct wait *w);

/* After wait_again said no: raise, or push false where it would block. */
int wait_failed(lua_State *L, const struct wait *w, int subject);

/* The same, but push the error object in place of raising it. */
void wait_push_error(lua_State *L, const struct wait *w, int subject);

#endif
