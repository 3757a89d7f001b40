/*
 * wait: the one way to wait; see wait.h.
 *
 * Follows poll(2), signal(7) and PEP 475's rule: EINTR never reaches a script.
 * Instead the signal's handlers run before the call goes on; if one raises, the
 * call ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/nowait.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "open.h"
#include "task/handle.h"
#include "task/task.h"
#include "task/wait.h"

/* So many bytes moved count as one more call against the task's budget. */
#define BYTES_A_CALL 32768

int wait_poll(struct pollfd *fds, nfds_t count, int64_t deadline)
{
    struct timespec left;

    return ppoll(fds, count, clock_left(deadline, &left), NULL);
}

/* ---- a call ---- */

static bool end_wait(struct wait *w, enum wait_outcome outcome, int error)
{
    w->outcome = outcome;
    w->error = error;
    return false;
}

/* Whether the descriptor is still open: a signal handler that runs during a
 * wait may close it. */
static bool still_open(struct wait *w)
{
    return w->handle->fd != -1 || wait_end_closed(w);
}

static bool end_canceled(struct wait *w)
{
    return end_wait(w, WAIT_CANCELED, ECANCELED);
}

bool wait_end_closed(struct wait *w)
{
    if (w->task != NULL && task_interruption(w->task, false) != 0)
        return end_canceled(w);
    return end_wait(w, WAIT_CLOSED, EBADF);
}

int wait_raise_closed(lua_State *L, const char *call)
{
    struct task *t = loop_running();

    if (task_has_coroutine(t) && t->top == L &&
        task_interruption(t, false) != 0)
        return error_raise_canceled(L, call, 0);
    return error_raise_closed(L, call, 0);
}

/* This is where a task that never has to wait notices a cancellation. */
bool wait_may_continue(struct wait *w, const struct call *call)
{
    w->call = call;
    return task_interruption(loop_running(), false) == 0 || end_canceled(w);
}

static void postpone(lua_State *L, const struct wait *w)
{
    if (!lua_isyieldable(L) || w->task->killed)
        return;
    loop_requeue(w->task);
    task_suspend(L, w->task, w->call->name, WAIT_POSTPONED, w->call->step);
}

/* Whether the call only tries, and so raises no cancellation. */
static bool only_tries(const struct wait *w)
{
    return w->handle != NULL ? wait_is_nonblocking(w) : w->flags & MSG_DONTWAIT;
}

/* The budget of the task is spent, as it is from the beginning of each turn
 * where a scope around its code is over. Then the call ends at once; but after
 * many of them the others run first. */
static bool spend_turn(lua_State *L, struct wait *w)
{
    const struct task *t = w->task;
    bool tries = only_tries(w);

    if (w->context == WAIT_POSTPONED)
        return tries || wait_may_continue(w, w->call);
    if (t->over && t->budget > -TASK_BUDGET)
        return tries || end_canceled(w);
    w->task->budget = 0;
    postpone(L, w);
    return tries || !t->over || end_canceled(w);
}

void wait_let_others(lua_State *L, const struct wait *w)
{
    struct wait ended = *w;

    if (!spend_turn(L, &ended))
        wait_failed(L, &ended, 0);
}

static bool may_begin_outside(lua_State *L, struct wait *w)
{
    return !running_has_deadlines() || wait_is_in_task(L) ||
           !outside_is_over(L) || end_canceled(w);
}

void wait_count_outside(lua_State *L, const struct wait *w)
{
    struct wait ended = *w;

    if (!only_tries(w) && !may_begin_outside(L, &ended))
        wait_failed(L, &ended, 0);
}

bool wait_take_turn(lua_State *L, struct wait *w)
{
    if (w->task == NULL)
        return may_begin_outside(L, w);
    if (w->context == WAIT_POSTPONED || w->task->budget-- <= 0)
        return spend_turn(L, w);
    return true;
}

void wait_take_turn_alone(lua_State *L, const struct call *call,
                          lua_KContext context)
{
    struct task *t = loop_running();
    struct wait w;

    wait_set(&w, call, NULL, 0, context);
    if (t != NULL && t->top == L)
        w.task = t;
    if (!wait_take_turn(L, &w))
        wait_failed(L, &w, 0);
}

int wait_resume(lua_State *L, struct wait *w, const struct call *call,
                struct handle *handle, int flags, lua_KContext context)
{
    struct task *t = loop_running();

    wait_set(w, call, handle, flags, context);
    if (t == NULL)
        return handle->timeout == NO_DEADLINE ? 0 : MSG_DONTWAIT;
    if (t->top == L)
        w->task = t;
    if (w->task != NULL && context > WAIT_FIRST)
        w->progress = t->progress;
    return MSG_DONTWAIT;
}

/* The deadline of a call that waits for the first time, from its handle's
 * time-out. */
static inline int64_t own_deadline(const struct wait *w)
{
    return clock_after(wait_is_nonblocking(w) ? 0 : w->handle->timeout);
}

/* The events to wait for: POLLPRI, not POLLIN, for urgent data. */
static short awaited_events(const struct wait *w)
{
    bool urgent = w->call->events == POLLIN && (w->flags & MSG_OOB);

    return urgent ? POLLPRI : w->call->events;
}

/* A deadline has come: that of the call, or one around its code. */
static bool end_time(lua_State *L, struct wait *w)
{
    if (wait_is_nonblocking(w))
        return end_wait(w, WAIT_WOULD_BLOCK, ETIMEDOUT);
    if (outside_limit(L, NO_DEADLINE) <= clock_now())
        return end_canceled(w);
    return end_wait(w, WAIT_TIMED_OUT, ETIMEDOUT);
}

bool wait_has_time(lua_State *L, struct wait *w)
{
    return outside_limit(L, w->deadline) > clock_now() || end_time(L, w);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* After a wait in vain: poll(2) may report for ever what the call cannot use,
 * an error queue for one. Where it does, rest before the next attempt. */
static bool rest_outside(lua_State *L, struct wait *w)
{
    int64_t now = clock_now();
    int64_t limit = outside_limit(L, w->deadline);

    if (limit <= now)
        return end_time(L, w);
    if (nowait_test(w->handle->fd, awaited_events(w)) != 0)
        w->vain = 0;
    else if (w->vain++ > 0 &&
             wait_poll(NULL, 0,
                       earlier(now + clock_rest(w->vain - 1), limit)) == -1)
        interrupt_run(L);
    return true;
}

/* `w` begins to wait, or has waited before. */
static bool prepare_outside(lua_State *L, struct wait *w)
{
    if (w->deadline != 0 && w->vain >= 0)
        return rest_outside(L, w);
    if (w->deadline == 0)
        w->deadline = own_deadline(w);
    w->vain = 0;
    return true;
}

/* The moment at which the kernel would have ended a wait of its own, by
 * SO_RCVTIMEO or SO_SNDTIMEO. */
static int64_t kernel_limit(const struct wait *w)
{
    int option = w->call->events & POLLOUT ? SO_SNDTIMEO : SO_RCVTIMEO;
    struct timeval limit = {0, 0};
    socklen_t length = sizeof limit;

    if (w->handle->timeout != NO_DEADLINE ||
        getsockopt(w->handle->fd, SOL_SOCKET, option, &limit, &length) == -1 ||
        (limit.tv_sec == 0 && limit.tv_usec == 0))
        return NO_DEADLINE;
    return clock_after(limit.tv_sec * NANOSECONDS + limit.tv_usec * 1000);
}

static bool wait_outside_task(lua_State *L, struct wait *w)
{
    int64_t kernel;

    if (!prepare_outside(L, w))
        return false;
    kernel = kernel_limit(w);
    while (still_open(w)) {
        struct pollfd p = {w->handle->fd, awaited_events(w), 0};
        int64_t limit = earlier(outside_limit(L, w->deadline), kernel);
        int n = wait_poll(&p, 1, limit);

        if (n > 0)
            return true;
        if (n == -1 && errno != EINTR)
            return end_wait(w, WAIT_ERROR, errno);
        if (n == -1)
            interrupt_run(L);
        if (n == -1 && limit > clock_now())
            continue;
        return limit == kernel ? end_wait(w, WAIT_ERROR, EAGAIN)
                               : end_time(L, w);
    }
    return false;
}

/* The deadline of a call. The task keeps it while the call goes on, unless it
 * has yielded or waited for something else meanwhile. */
static inline int64_t call_deadline(const struct wait *w, const struct task *t)
{
    if (w->deadline != 0)
        return w->deadline;
    if (w->context == WAIT_PAUSED)
        return t->limit;
    if (w->context == WAIT_FIRST || t->deadline == 0 || t->flushing)
        return own_deadline(w);
    return t->limit;
}

/* Yield to the loop. Returns true for a file that is always ready; false: the
 * wait is over, and `w` says why. The end of a pause is not a time-out. */
static bool wait_in_task(lua_State *L, struct wait *w, struct task *t)
{
    int interruption = task_interruption(t, w->context == WAIT_RESUMED);
    int error;

    if (interruption == ETIMEDOUT)
        return end_wait(w, WAIT_TIMED_OUT, interruption);
    if (interruption != 0)
        return end_canceled(w);
    if (!still_open(w))
        return false;
    error = loop_await(t, w->handle, awaited_events(w), call_deadline(w, t),
                       w->context == WAIT_RESUMED);
    if (error == EPERM && !t->flushing)
        return true;
    if (error != 0)
        return end_wait(w, WAIT_ERROR, error);
    t->progress = w->progress;
    task_suspend(L, t, task_wait_name(t, w->call->name), WAIT_RESUMED,
                 w->call->step);
    return false;
}

static bool pause_outside(lua_State *L, struct wait *w, int64_t pause)
{
    int64_t now = clock_now();
    int64_t limit;

    if (w->deadline == 0)
        w->deadline = own_deadline(w);
    limit = outside_limit(L, w->deadline);
    if (now >= limit)
        return end_time(L, w);
    if (wait_poll(NULL, 0, earlier(now + pause, limit)) == -1)
        interrupt_run(L);
    return still_open(w);
}

static bool pause_in_task(lua_State *L, struct wait *w, struct task *t,
                          int64_t pause)
{
    int64_t limit = call_deadline(w, t);
    int64_t now = clock_now();
    int error;

    if (task_interruption(t, false) != 0)
        return end_canceled(w);
    if (now >= limit)
        return end_wait(w, WAIT_TIMED_OUT, ETIMEDOUT);
    error = loop_pause(t, t, earlier(now + pause, limit));
    if (error != 0)
        return end_wait(w, WAIT_ERROR, error);
    t->limit = limit;
    t->progress = w->progress;
    task_suspend(L, t, w->call->name, WAIT_PAUSED, w->call->step);
    return false;
}

bool wait_briefly(lua_State *L, struct wait *w, int attempts)
{
    struct task *t = task_that_may_wait(L);
    int64_t pause = clock_rest(attempts);

    return t != NULL ? pause_in_task(L, w, t, pause)
                     : pause_outside(L, w, pause);
}

/* ---- between two steps of a call ---- */

/* The moment at which a call ends that need not wait: its deadline, which begins
 * with the first step, unless it has begun before. */
static int64_t step_limit(struct wait *w, const struct task *t)
{
    if (wait_is_nonblocking(w))
        return NO_DEADLINE;
    if (w->deadline == 0) {
        w->deadline = t != NULL ? call_deadline(w, t) : own_deadline(w);
        w->vain = -1;
    }
    return w->deadline;
}

/* Neither the loop nor Lua runs handlers meanwhile, or looks at the clock. */
static bool go_on_alone(lua_State *L, struct wait *w, const struct task *t)
{
    int64_t limit;
    int64_t around;
    int64_t now;

    interrupt_run(L);
    if (!still_open(w))
        return false;
    limit = step_limit(w, t);
    around = t != NULL ? t->scope_limit : outside_limit(L, NO_DEADLINE);
    if (earlier(limit, around) == NO_DEADLINE)
        return true;
    now = clock_now();
    if (around <= now)
        return end_canceled(w);
    return now < limit || end_wait(w, WAIT_TIMED_OUT, ETIMEDOUT);
}

static bool go_on_in_task(lua_State *L, struct wait *w, struct task *t)
{
    int64_t limit = step_limit(w, t);

    if (task_interruption(t, false) != 0)
        return end_canceled(w);
    if (limit <= loop_now(t->loop))
        return end_wait(w, WAIT_TIMED_OUT, ETIMEDOUT);
    if (w->context == WAIT_RESUMED)
        w->context = WAIT_PAUSED; /* it was not woken in vain */
    if (t->budget-- > 0)
        return true;
    if (!lua_isyieldable(L))
        return go_on_alone(L, w, t);
    t->limit = limit;
    t->progress = w->progress;
    loop_requeue(t);
    task_suspend(L, t, w->call->name, WAIT_PAUSED, w->call->step);
    return false;
}

bool wait_go_on(lua_State *L, struct wait *w, size_t bytes)
{
    if (w->task == NULL)
        return go_on_alone(L, w, task_running(L));
    wait_charge(w, bytes / BYTES_A_CALL);
    return go_on_in_task(L, w, w->task);
}

bool wait_ready(lua_State *L, struct wait *w)
{
    struct task *t;

    if (wait_is_nonblocking(w) && wait_is_in_task(L))
        return end_wait(w, WAIT_WOULD_BLOCK, EAGAIN);
    if (w->handle->hooks != NULL)
        (*w->handle->hooks)->before_wait(L, w->handle);
    t = w->task;
    if (t == NULL || !lua_isyieldable(L))
        t = task_that_may_wait(L);
    return t != NULL ? wait_in_task(L, w, t) : wait_outside_task(L, w);
}

bool wait_until_ready(lua_State *L, struct wait *w)
{
    int error = nowait_test(w->handle->fd, awaited_events(w));

    if (error == EAGAIN)
        return wait_ready(L, w);
    return error == 0 || end_wait(w, WAIT_ERROR, error);
}

/* After EAGAIN from a call that should block: either another owner of the open
 * file has set O_NONBLOCK, and the call must wait with poll(2); or SO_RCVTIMEO
 * ran out. MSG_OOB never blocks, and urgent data may be announced before it
 * arrives. */
static bool is_shared_nonblocking(const struct wait *w)
{
    return fcntl(w->handle->fd, F_GETFL) & O_NONBLOCK;
}

bool wait_again(lua_State *L, struct wait *w)
{
    int error = errno;

    if (error == EINTR) {
        interrupt_run(L);
        return still_open(w);
    }
    if (error == EBADF && w->context != WAIT_FIRST && !still_open(w))
        return false;
    if (error != EAGAIN && error != EWOULDBLOCK)
        return end_wait(w, WAIT_ERROR, error);
    if (wait_is_nonblocking(w))
        return end_wait(w, WAIT_WOULD_BLOCK, error);
    if (wait_blocks(w->handle) && awaited_events(w) != POLLPRI &&
        !is_shared_nonblocking(w))
        return end_wait(w, WAIT_ERROR, error);
    return wait_ready(L, w);
}

void wait_push_error(lua_State *L, const struct wait *w, int subject)
{
    const char *name = w->call->name;

    if (w->outcome == WAIT_TIMED_OUT)
        handle_push_timeout(L, name, subject, w->handle);
    else if (w->outcome == WAIT_CANCELED)
        error_push_canceled(L, name, subject);
    else if (w->outcome == WAIT_CLOSED)
        error_push_closed(L, name, subject);
    else
        error_push(L, name, w->error, subject);
}

int wait_failed(lua_State *L, const struct wait *w, int subject)
{
    if (w->outcome == WAIT_WOULD_BLOCK) {
        lua_pushboolean(L, false);
        return 1;
    }
    wait_push_error(L, w, subject);
    return lua_error(L);
}
