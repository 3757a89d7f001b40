/*
 * loop: which task runs next, and what the others wait for; see loop.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/process.h"
#include "loop/inner.h"
#include "loop/loop.h"
#include "loop/output.h"
#include "loop/place.h"

#define BUDGET 64 /* calls before a task yields */
#define AT_ONCE (NANOSECONDS / 1000)

static void link_loop(struct loop *loop)
{
    struct loop **first = &loop->loops->first;

    loop->next = *first;
    loop->link = first;
    if (*first != NULL)
        (*first)->link = &loop->next;
    *first = loop;
    atomic_fetch_add_explicit(&loop_total, 1, memory_order_relaxed);
}

static void unlink_loop(struct loop *loop)
{
    *loop->link = loop->next;
    if (loop->next != NULL)
        loop->next->link = loop->link;
    atomic_fetch_sub_explicit(&loop_total, 1, memory_order_relaxed);
}

struct loop *loop_open(lua_State *L, struct loops *loops, bool use_poll,
                       int64_t deadline)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    loop->L = L;
    loop->loops = loops;
    loop->process = process_number;
    loop->children = process_children;
    loop->scope = (struct scope){deadline, NULL, L};
    loop->now = clock_now();
    loop->poller = poller_open(use_poll);
    if (loop->poller == NULL) {
        free(loop);
        return NULL;
    }
    loop->reports_once = poller_reports_once(loop->poller);
    link_loop(loop);
    return loop;
}

void loop_close(struct loop *loop)
{
    registration_release_all(loop);
    unlink_loop(loop);
    poller_close(loop->poller);
    free(loop->slots);
    free(loop->timers.heap);
    free(loop);
}

struct loops *loop_loops(const struct loop *loop)
{
    return loop->loops;
}

int64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

int loop_descriptor(const struct loop *loop)
{
    return poller_descriptor(loop->poller);
}

const char *loop_call(const struct loop *loop)
{
    return poller_call(loop->poller);
}

struct scope *loop_scope(struct loop *loop)
{
    return loop->scope.deadline != NO_DEADLINE ? &loop->scope : NULL;
}

struct task *loop_main(const struct loop *loop)
{
    return loop->main;
}

void loop_set_main(struct loop *loop, struct task *t)
{
    loop->main = t;
}

lua_State *loop_state(const struct loop *loop)
{
    return loop->L;
}

void loop_set_state(struct loop *loop, lua_State *L)
{
    loop->L = L;
}

void loop_hold(struct loop *loop, int change)
{
    loop->held += change;
}

/* ---- the tasks ---- */

void loop_add(struct loop *loop, struct task *t)
{
    t->loop = loop;
    t->previous = NULL;
    t->next = loop->tasks;
    if (loop->tasks != NULL)
        loop->tasks->previous = t;
    loop->tasks = t;
    loop_push_ready(loop, t);
}

struct task *loop_first(const struct loop *loop)
{
    return loop->tasks;
}

struct task *loop_next(struct loop *loop)
{
    struct task *t = loop->ready_first;

    if (t == NULL)
        return NULL;
    loop->ready_first = t->next_ready;
    t->status = TASK_RUNNING;
    t->budget = BUDGET;
    return t;
}

const struct task *loop_last_ready(const struct loop *loop)
{
    return loop->ready_first != NULL ? loop->ready_last : NULL;
}

void loop_requeue(struct task *t)
{
    outputs_try(&t->outputs);
    t->timed_out = false;
    t->deadline = 0;
    loop_push_ready(t->loop, t);
}

/* ---- timers ---- */

static bool has_deadline(const struct task *t)
{
    return t->status == TASK_WAITING && t->deadline != NO_DEADLINE;
}

/* Wake the tasks whose deadline has come. */
static void run_timers(struct loop *loop)
{
    struct task *t;

    while ((t = timers_first(&loop->timers)) != NULL && t->timer <= loop->now) {
        if (has_deadline(t) && t->deadline > loop->now) {
            timers_put_off(&loop->timers, t);
            continue;
        }
        timers_remove(&loop->timers, t);
        if (has_deadline(t)) {
            t->timed_out = true;
            loop_wake(t);
        }
    }
}

/* The time of the first timer. */
static int64_t next_timer(const struct loop *loop)
{
    const struct task *t = timers_first(&loop->timers);

    return t != NULL ? t->timer : NO_DEADLINE;
}

/* ---- waiting ---- */

void loop_remove(struct loop *loop, struct task *t)
{
    if (t->status == TASK_WAITING)
        loop_stop_waiting(t);
    timers_remove(&loop->timers, t);
    outputs_leave(&t->outputs);
    place_close(t);
    if (t->next != NULL)
        t->next->previous = t->previous;
    if (t->previous != NULL)
        t->previous->next = t->next;
    else
        loop->tasks = t->next;
}

static int await(struct task *t, struct handle *handle, int wants,
                 int64_t deadline)
{
    struct loop *loop = t->loop;
    int error;

    t->deadline = deadline;
    t->since = loop->now;
    error = timers_set(&loop->timers, t);
    if (error == 0)
        error = registration_wait(t, handle, wants);
    if (error != 0)
        return error;
    t->handle = handle;
    t->wants = wants;
    t->timed_out = false;
    t->status = TASK_WAITING;
    loop->io_waits++;
    loop->timed += deadline != NO_DEADLINE;
    return 0;
}

/* Whether the poller has reported t's descriptor without a wait. */
static bool woke_at_once(const struct task *t)
{
    const struct loop *loop = t->loop;

    return loop->reports_once && loop->now - loop->polled < AT_ONCE &&
           loop->before - t->since < AT_ONCE;
}

/* Count how often t was woken at once for nothing. */
static void count_vain(struct task *t, bool in_vain)
{
    t->vain = in_vain && woke_at_once(t) ? t->vain + 1 : 0;
}

/* A write time-out limits how long a peer may take nothing. The poller refuses a
 * file that is always ready, with EPERM: it takes more at once. `again`: t was
 * woken for nothing, unless some bytes can be sent now. */
static int flush(struct task *t, int64_t deadline, bool again)
{
    struct handle *blocked;
    bool moved;
    int error;

    do {
        error = outputs_send(&t->outputs, &blocked, &moved);
        t->flushing = error != 0;
        if (moved || error != EAGAIN)
            t->flush_limit = 0;
        if (error != EAGAIN)
            return error;
        if (t->flush_limit == 0)
            t->flush_limit = clock_after(blocked->timeout);
        if (t->flush_limit < deadline)
            deadline = t->flush_limit;
        count_vain(t, again && !moved);
        error = await(t, blocked, POLLOUT, deadline);
    } while (error == EPERM);
    return error == 0 ? EAGAIN : error;
}

int loop_flush(struct task *t, int64_t deadline)
{
    return flush(t, deadline, true);
}

int loop_await(struct task *t, struct handle *handle, int wants,
               int64_t deadline, bool again)
{
    int error = 0;

    t->flushing = false;
    if (t->outputs != NULL)
        error = flush(t, deadline, again);
    if (error == EAGAIN && t->handle == handle && (wants & POLLOUT))
        t->flushing = false;
    if (error != 0)
        return error == EAGAIN ? 0 : error;
    count_vain(t, again);
    return await(t, handle, wants, deadline);
}

int loop_await_set(struct task *t, struct handle *set, int64_t deadline)
{
    int error = loop_await(t, set, POLLIN, deadline, false);

    t->waits_on_set = error == 0;
    t->loop->set_waiters += t->waits_on_set;
    return error;
}

int loop_pause(struct task *t, const void *token, int64_t deadline)
{
    int error = 0;

    t->flushing = false;
    if (t->outputs != NULL)
        error = loop_flush(t, deadline);
    if (error == EAGAIN)
        t->token = token;
    if (error != 0)
        return error == EAGAIN ? 0 : error;
    t->deadline = deadline;
    error = timers_set(&t->loop->timers, t);
    if (error != 0)
        return error;
    t->token = token;
    t->timed_out = false;
    t->status = TASK_WAITING;
    t->loop->timed += deadline != NO_DEADLINE;
    return 0;
}

void loop_join(struct task *t, struct task *other)
{
    t->joins = other;
    other->joiner = t;
    other->joiners++;
}

/* ---- turns ---- */

int64_t loop_deadline(const struct loop *loop)
{
    return loop->ready_first != NULL ? 0 : next_timer(loop);
}

bool loop_is_stuck(const struct loop *loop)
{
    return loop->tasks != NULL && loop->ready_first == NULL &&
           loop->io_waits == 0 && loop->timed == 0 && loop->held == 0 &&
           loop->loops->handlers == 0;
}

bool loop_is_stuck_again(struct loop *loop)
{
    bool again = loop->stuck;

    loop->stuck = true;
    return again;
}

int loop_poll(struct loop *loop, int64_t deadline)
{
    int error;

    loop->before = loop->now;
    if (loop->reports_once)
        loop->polled = clock_now();
    error = poller_wait(loop->poller, deadline, registration_event, loop);
    loop->now = clock_now();
    run_timers(loop);
    return error;
}
