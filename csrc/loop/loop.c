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

struct loop *loop_open(lua_State *L, struct loops *loops, bool use_poll)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    loop->L = L;
    loop->loops = loops;
    loop->process = process_number;
    loop->children = process_children;
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
    while (loop->groups != NULL)
        loop_remove_group(loop->groups);
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

void loop_look_at_clock(struct loop *loop)
{
    loop->now = clock_now();
}

int loop_descriptor(const struct loop *loop)
{
    return poller_descriptor(loop->poller);
}

const char *loop_call(const struct loop *loop)
{
    return poller_call(loop->poller);
}

struct task *loop_main(const struct loop *loop)
{
    return loop->main;
}

void loop_set_main(struct loop *loop, struct task *t)
{
    loop->main = t;
}

struct task *loop_resumer(const struct loop *loop)
{
    return loop->resumer;
}

void loop_set_resumer(struct loop *loop, struct task *t)
{
    loop->resumer = t;
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

void loop_add_group(struct loop *loop, struct group *group)
{
    group->loop = loop;
    group->next = loop->groups;
    group->place = &loop->groups;
    if (group->next != NULL)
        group->next->place = &group->next;
    loop->groups = group;
}

void loop_remove_group(struct group *group)
{
    if (group->loop == NULL)
        return;
    group->state = GROUP_ENDED;
    group->loop = NULL;
    *group->place = group->next;
    if (group->next != NULL)
        group->next->place = group->place;
}

struct group *loop_first_group(const struct loop *loop)
{
    return loop->groups;
}

struct task *loop_next(struct loop *loop)
{
    struct task *t = loop->ready_first;

    if (t == NULL)
        return NULL;
    loop->ready_first = t->next_ready;
    if (t->status == TASK_READY)
        t->status = TASK_RUNNING;
    if (!t->over)
        t->budget = TASK_BUDGET;
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

/* Let t wait no longer than until `deadline`, that of its call, or those around
 * its code. */
static void limit(struct task *t, int64_t deadline)
{
    t->limit = deadline;
    t->deadline = deadline < t->scope_limit ? deadline : t->scope_limit;
}

static int set_timer(struct task *t)
{
    return t->deadline != NO_DEADLINE ? timers_set(&t->loop->timers, t) : 0;
}

bool loop_move_deadline(struct task *t)
{
    int64_t before = t->deadline;

    if (t->flushing || t->token == t)
        return t->scope_limit >= before;
    limit(t, t->limit);
    if (t->deadline < before && (!place_is_any(t) || set_timer(t) != 0)) {
        t->deadline = before;
        return false;
    }
    t->loop->timed += (t->deadline != NO_DEADLINE) - (before != NO_DEADLINE);
    return true;
}

/* Wake the tasks whose deadline has come. */
static void run_timers(struct loop *loop)
{
    struct task *t;

    while ((t = timers_first(&loop->timers)) != NULL && t->timer <= loop->now) {
        bool timed = has_deadline(t);

        if (timed && t->deadline > loop->now) {
            timers_put_off(&loop->timers, t);
            continue;
        }
        timers_remove(&loop->timers, t);
        if (timed) {
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

void loop_retire(struct task *t)
{
    if (t->status == TASK_WAITING)
        loop_stop_waiting(t);
    timers_remove(&t->loop->timers, t);
    outputs_leave(&t->outputs);
    place_close(t);
}

void loop_remove(struct loop *loop, struct task *t)
{
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

    limit(t, deadline);
    t->since = loop->now;
    error = set_timer(t);
    if (error == 0)
        error = registration_wait(t, handle, wants);
    if (error != 0)
        return error;
    t->handle = handle;
    t->wants = (short)wants;
    t->timed_out = false;
    t->status = TASK_WAITING;
    loop->io_waits++;
    loop->timed += t->deadline != NO_DEADLINE;
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

/* Send what t has written, and let an output fail that a peer has not read for
 * longer than its time-out. Returns the one to wait for; NULL: none. `again`: t
 * was woken for nothing, unless some bytes can be sent now. */
static struct output *send_outputs(struct task *t, bool again,
                                   struct output **failed)
{
    struct outputs_sent sent;

    for (;;) {
        sent = outputs_send(&t->outputs);
        if (sent.failed != NULL && failed != NULL && *failed == NULL)
            *failed = sent.failed;
        if (sent.moved || sent.blocked == NULL)
            t->flush_limit = 0;
        if (sent.blocked == NULL || t->flush_limit == 0 ||
            t->flush_limit > t->loop->now)
            break;
        output_expire(sent.blocked);
        if (failed != NULL && *failed == NULL)
            *failed = sent.blocked;
        t->flush_limit = 0;
    }
    count_vain(t, again && sent.blocked != NULL && !sent.moved);
    return sent.blocked;
}

/* The poller refuses a file that is always ready, with EPERM: it takes more at
 * once. */
static int flush(struct task *t, int64_t deadline, bool again,
                 struct output **failed)
{
    int error;

    do {
        struct output *blocked = send_outputs(t, again, failed);

        t->flushing = blocked != NULL;
        if (blocked == NULL)
            return 0;
        if (t->flush_limit == 0)
            t->flush_limit = clock_after(blocked->handle->timeout);
        error = await(t, blocked->handle, POLLOUT,
                      deadline < t->flush_limit ? deadline : t->flush_limit);
        t->limit = deadline;
        if (error == EPERM && blocked->is_socket)
            output_fail(blocked, error);
    } while (error == EPERM);
    return error == 0 ? EAGAIN : error;
}

int loop_flush(struct task *t, int64_t deadline, struct output **failed)
{
    return flush(t, deadline, true, failed);
}

int loop_await(struct task *t, struct handle *handle, int wants,
               int64_t deadline, bool again)
{
    int error = 0;

    t->flushing = false;
    if (t->outputs != NULL)
        error = flush(t, deadline, again, NULL);
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
        error = loop_flush(t, deadline, NULL);
    if (error == EAGAIN)
        t->token = token;
    if (error != 0)
        return error == EAGAIN ? 0 : error;
    limit(t, deadline);
    error = set_timer(t);
    if (error != 0)
        return error;
    t->token = token;
    t->timed_out = false;
    t->status = TASK_WAITING;
    t->loop->timed += t->deadline != NO_DEADLINE;
    return 0;
}

void loop_pause_on(struct task *t, const void *token)
{
    t->flushing = false;
    outputs_try(&t->outputs);
    t->limit = t->deadline = NO_DEADLINE;
    t->token = token;
    t->timed_out = false;
    t->status = TASK_WAITING;
}

void loop_join(struct task *t, struct task *other)
{
    t->joins = true;
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
