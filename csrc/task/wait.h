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
 * Without a time-out this is one system call, which blocks in the kernel. With
 * one, each attempt is non-blocking, and wait_again waits with poll(2) until
 * the deadline. Inside a task wait_again yields to the loop and does not
 * return: when the task is resumed, the call's step runs from its beginning,
 * with a context other than WAIT_FIRST. Lua code may run inside wait_again and
 * may raise: across it, hold no resource that would leak, and no buffer that
 * Lua code could reuse.
 *
 * A call that makes several steps asks between each two of them, by
 * wait_go_on, whether to make the next one. A peer that always gives or takes
 * something at once thus keeps neither signal handlers nor other tasks from
 * running, and holds no call beyond its deadline.
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

enum wait_outcome {
    WAIT_ERROR,
    WAIT_WOULD_BLOCK,
    WAIT_TIMED_OUT,
    WAIT_CANCELED, /* a scope around the code is over */
    WAIT_CLOSED    /* the descriptor was closed meanwhile */
};

/* The constants of one kind of call. */
struct call {
    const char *name; /* for errors */
    short events;     /* the events of poll(2) that it waits for */
    lua_KFunction
        step; /* makes the call; runs again when the task is resumed */
};

/* The waiting of one call. */
struct wait {
    const struct call *call;
    struct handle *handle;
    lua_KContext context; /* that of the step (context.h) */
    uint64_t progress;    /* set by the step before a wait, and kept for the
                             step after it; 0 at first */
    int flags;            /* the call's MSG_ flags: MSG_DONTWAIT: do not wait */
    struct task *task;    /* the task that makes the call and yields; or NULL */
    int64_t deadline; /* that of the call, in nanoseconds of clock_now; 0: not
                         yet known */
    int vain;         /* attempts in a row that failed while poll(2) reported
                  it ready; valid outside of tasks, once it waits; -1: it has a
                  deadline, but has not waited */
    int error;        /* after wait_again returned false: errno, and why */
    enum wait_outcome outcome;
};

/* Call poll(2) with `deadline` as its time-out. */
int wait_poll(struct pollfd *fds, nfds_t count, int64_t deadline);

/* Whether the system call itself may block. */
static inline bool wait_blocks(const struct handle *handle)
{
    return loop_running() == NULL && handle->timeout == NO_DEADLINE;
}

/* Whether L runs in a task, which must not block. The task that runs in this
 * thread may be that of another Lua state. */
static inline bool wait_is_in_task(lua_State *L)
{
    const struct task *t = loop_running();

    return task_has_coroutine(t) && (t->top == L || task_running(L) != NULL);
}

/* For wait_start: yields when the task's budget is spent; raises if a scope
 * around its code is over, unless the call must not wait. */
void wait_let_others(lua_State *L, const struct wait *w);

/* For wait_start, outside of tasks: raises when many calls have been made, and
 * a deadline has come meanwhile. */
void wait_count_outside(lua_State *L, const struct wait *w);

static inline void wait_set(struct wait *w, const struct call *call,
                            struct handle *handle, int flags,
                            lua_KContext context)
{
    w->call = call;
    w->handle = handle;
    w->context = context;
    w->progress = 0;
    w->flags = flags;
    w->deadline = 0;
    w->task = NULL;
}

/* Begin a call. Returns MSG_DONTWAIT if the system call must not block, else
 * 0. */
static inline int wait_start(lua_State *L, struct wait *w,
                             const struct call *call, struct handle *handle,
                             int flags, lua_KContext context)
{
    struct task *t = loop_running();

    wait_set(w, call, handle, flags, context);
    if (t == NULL)
        return handle->timeout == NO_DEADLINE ? 0 : MSG_DONTWAIT;
    if (t->top != L) {
        if (running_has_deadlines())
            wait_count_outside(L, w);
        return MSG_DONTWAIT;
    }
    w->task = t;
    if (context > WAIT_FIRST)
        w->progress = t->progress;
    else if (context == WAIT_POSTPONED || t->budget-- <= 0)
        wait_let_others(L, w);
    return MSG_DONTWAIT;
}

/* Begin a call, or a step of one, likewise, but never yield or raise. */
int wait_resume(lua_State *L, struct wait *w, const struct call *call,
                struct handle *handle, int flags, lua_KContext context);

/* After wait_resume: what wait_start does beside, without raising. Returns
 * false, with the outcome set, where wait_start raises. */
bool wait_take_turn(lua_State *L, struct wait *w);

/* Charge the task's budget for `calls` more calls. */
static inline void wait_charge(const struct wait *w, size_t calls)
{
    if (w->task != NULL)
        w->task->budget -= (int)calls;
}

/* Whether the call must return at once rather than wait. */
static inline bool wait_is_nonblocking(const struct wait *w)
{
    const struct handle *handle = w->handle;

    return (w->flags & MSG_DONTWAIT) || handle->timeout == 0 ||
           (handle->timeout == NO_DEADLINE && handle->nonblocking);
}

/* Whether the last read emptied the socket and no event has come since. Events
 * reach only calls that wait: non-blocking ones must try. */
static inline bool wait_is_drained(const struct wait *w)
{
    return w->task != NULL && w->handle->registration.drained &&
           !wait_is_nonblocking(w);
}

/* What wait_start does beside, for a call that waits for no descriptor of its
 * own. A context of WAIT_POSTPONED has no other meaning for its step. */
void wait_take_turn_alone(lua_State *L, const struct call *call,
                          lua_KContext context);

static inline void wait_turn(lua_State *L, const struct call *call,
                             lua_KContext context)
{
    struct task *t = loop_running();

    if (context == WAIT_FIRST && t != NULL && t->top == L && t->budget > 0)
        t->budget--;
    else if (context <= WAIT_FIRST)
        wait_take_turn_alone(L, call, context);
}

/* Note that a read returned less than was asked for. */
static inline void wait_note_drained(const struct wait *w)
{
    if (w->task != NULL)
        w->handle->registration.drained =
            !w->handle->registration.ended && !w->handle->registration.urgent;
}

/* After an attempt that failed with errno: wait, and run the handlers of
 * signals, which may raise. Returns whether to try again; if not, `w` says
 * why. */
bool wait_again(lua_State *L, struct wait *w);

/* After a step that has made progress and leaves more to do; `bytes` is how many
 * were moved. Runs the handlers of signals, which may raise; in a task whose
 * budget is spent, lets the others run: then it does not return, and the step
 * runs again, as after wait_again. Returns whether to go on at once; if not,
 * `w` says why: the deadline has come, the task was cancelled, or the
 * descriptor was closed. In non-blocking mode there is only the deadline of
 * `timeout`. */
bool wait_go_on(lua_State *L, struct wait *w, size_t bytes);

/* For a call that has done part of its work when its task is resumed. Returns
 * false, with the outcome set, if the task was cancelled or timed out, even if
 * the rest would not have to wait. Unlike wait_start, it does not raise. */
bool wait_may_continue(struct wait *w, const struct call *call);

/* Wait for w->events. False, with the outcome set, at the deadline. */
bool wait_ready(lua_State *L, struct wait *w);

/* The same, unless the descriptor is ready already. */
bool wait_until_ready(lua_State *L, struct wait *w);

/* For a call outside of tasks that the kernel has kept waiting: whether its
 * deadline, and those around its code, are still to come. False, with the outcome
 * set: one has come. */
bool wait_has_time(lua_State *L, struct wait *w);

/* Wait for a short pause, where no event reports that the call can go on: longer
 * the more attempts were made in a row (clock_rest). */
#define WAIT_USUALLY 2 /* attempts, if they are not counted */
bool wait_briefly(lua_State *L, struct wait *w, int attempts);

/* End the wait since the descriptor was closed: returns false. */
bool wait_end_closed(struct wait *w);

/* Raise that what `call` waits for was closed meanwhile: EBADF with `closed`, or
 * ECANCELED where a scope around the code is over as well. */
int wait_raise_closed(lua_State *L, const char *call);

/* After wait_again returned false: raise the error, or push false if the call
 * would have to wait in non-blocking mode. */
int wait_failed(lua_State *L, const struct wait *w, int subject);

/* Push the error object that wait_failed would raise. */
void wait_push_error(lua_State *L, const struct wait *w, int subject);

#endif
