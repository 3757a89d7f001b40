/*
 * loop: which task runs next, and what the others wait for; see loop.h.
 *
 * A descriptor is registered once (poller.h). What an event belongs to is found
 * by descriptor and generation, so that none reaches a socket that has got the
 * number of a closed one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loop/inner.h"

#define BUDGET 64

_Thread_local struct task *loop_thread_task;
atomic_bool loop_ever_ran;

_Thread_local struct loop *loop_list;

static void link_loop(struct loop *loop)
{
    loop->next = loop_list;
    loop->link = &loop_list;
    if (loop_list != NULL)
        loop_list->link = &loop->next;
    loop_list = loop;
}

static void unlink_loop(struct loop *loop)
{
    *loop->link = loop->next;
    if (loop->next != NULL)
        loop->next->link = loop->link;
}

/* The deadlines that are in force now, as one. */
static int64_t inherited_deadline(void)
{
    const struct task *t = loop_running();
    int64_t first = NO_DEADLINE;

    for (const struct scope *s = t ? t->scope : NULL; s != NULL; s = s->outer) {
        if (s->deadline < first)
            first = s->deadline;
    }
    return first;
}

struct loop *loop_open(lua_State *L, bool use_poll)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    loop->L = L;
    loop->scope.deadline = inherited_deadline();
    loop->uses_poll = use_poll;
    loop->now = clock_now();
    loop->poller = poller_open(use_poll);
    if (loop->poller == NULL) {
        free(loop);
        return NULL;
    }
    link_loop(loop);
    return loop;
}

void loop_release_registrations(struct loop *loop)
{
    for (size_t fd = 0; fd < loop->slot_count; fd++) {
        struct slot *slot = &loop->slots[fd];

        if (slot->handle != NULL)
            slot->handle->registration = (struct registration){0};
        slot->handle = NULL;
        slot->generation++;
    }
}

void loop_close(struct loop *loop)
{
    loop_release_registrations(loop);
    unlink_loop(loop);
    poller_close(loop->poller);
    free(loop->slots);
    free(loop->timers.heap);
    free(loop);
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

static void push_ready(struct loop *loop, struct task *t)
{
    t->status = TASK_READY;
    t->next_ready = NULL;
    if (loop->ready_first == NULL)
        loop->ready_first = t;
    else
        loop->ready_last->next_ready = t;
    loop->ready_last = t;
}

void loop_add(struct loop *loop, struct task *t)
{
    t->loop = loop;
    t->previous = NULL;
    t->next = loop->tasks;
    if (loop->tasks != NULL)
        loop->tasks->previous = t;
    loop->tasks = t;
    push_ready(loop, t);
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
    push_ready(t->loop, t);
}

/* ---- timers ---- */

static bool has_deadline(const struct task *t)
{
    return t->status == TASK_WAITING && t->deadline != NO_DEADLINE;
}

/* Wake whose deadline has come. */
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

/* The moment of the first timer, whoever it concerns by now. */
static int64_t next_timer(const struct loop *loop)
{
    const struct task *t = timers_first(&loop->timers);

    return t != NULL ? t->timer : NO_DEADLINE;
}

/* ---- waiting ---- */

void loop_stop_waiting(struct task *t)
{
    struct handle *handle = t->handle;

    if (handle != NULL) {
        for (int i = READING; i <= WRITING; i++) {
            if (handle->registration.waiter[i] == t)
                handle->registration.waiter[i] = NULL;
        }
        t->loop->io_waits--;
    }
    if (t->joins != NULL) {
        t->joins->joiners--;
        if (t->joins->joiner == t)
            t->joins->joiner = NULL;
    }
    t->loop->set_waiters -= t->waits_on_set;
    t->loop->timed -= t->deadline != NO_DEADLINE;
    t->waits_on_set = false;
    t->joins = NULL;
    t->handle = NULL;
    t->token = NULL;
    t->wants = 0;
}

void loop_wake(struct task *t)
{
    if (t->status != TASK_WAITING)
        return;
    loop_stop_waiting(t);
    push_ready(t->loop, t);
}

void loop_remove(struct loop *loop, struct task *t)
{
    if (t->status == TASK_WAITING)
        loop_stop_waiting(t);
    timers_remove(&loop->timers, t);
    outputs_leave(&t->outputs);
    if (t->next != NULL)
        t->next->previous = t->previous;
    if (t->previous != NULL)
        t->previous->next = t->next;
    else
        loop->tasks = t->next;
}

static bool grow_slots(struct loop *loop, size_t fd)
{
    size_t size = loop->slot_count ? loop->slot_count : 64;
    struct slot *slots;

    while (size <= fd)
        size *= 2;
    slots = realloc(loop->slots, size * sizeof *slots);
    if (slots == NULL)
        return false;
    memset(slots + loop->slot_count, 0,
           (size - loop->slot_count) * sizeof *slots);
    loop->slots = slots;
    loop->slot_count = size;
    return true;
}

static uint64_t tag_of(const struct slot *slot, const struct handle *handle)
{
    return (uint64_t)slot->generation << 32 | (uint32_t)handle->fd;
}

/* A slot that is taken belonged to a descriptor that was closed behind our
 * back. */
static int add_source(struct loop *loop, struct handle *handle, int wants)
{
    size_t fd = (size_t)handle->fd;
    struct slot *slot;
    int error;

    if (fd >= loop->slot_count && !grow_slots(loop, fd))
        return ENOMEM;
    if (handle->registration.waiter[READING] ||
        handle->registration.waiter[WRITING])
        return EBUSY;
    if (handle->registration.loop != NULL)
        loop_forget(handle, false);
    slot = &loop->slots[fd];
    if (slot->handle != NULL)
        loop_forget(slot->handle, true);
    error = poller_add(loop->poller, handle->fd, tag_of(slot, handle), wants);
    if (error != 0)
        return error;
    slot->handle = handle;
    handle->registration.loop = loop;
    handle->registration.watched = wants | CAN_READ;
    return 0;
}

/* Have the poller tell of what is waited for. */
static int watch(struct loop *loop, struct handle *handle, int wants)
{
    struct registration *registration = &handle->registration;
    int watched = registration->watched | wants;
    int error;

    if (registration->loop != loop)
        return add_source(loop, handle, wants);
    if (watched == registration->watched && !loop->uses_poll)
        return 0;
    error = poller_want(loop->poller, handle->fd,
                        tag_of(&loop->slots[handle->fd], handle),
                        loop->uses_poll ? wants : watched);
    if (error == 0)
        registration->watched = watched;
    return error;
}

static int note_waiters(struct task *t, struct registration *registration,
                        int wants)
{
    bool reads = wants & (CAN_READ | HAS_URGENT);
    bool writes = wants & CAN_WRITE;

    if ((reads && registration->waiter[READING] != NULL) ||
        (writes && registration->waiter[WRITING] != NULL))
        return EBUSY;
    if (reads)
        registration->waiter[READING] = t;
    if (writes)
        registration->waiter[WRITING] = t;
    return 0;
}

static int await(struct task *t, struct handle *handle, int wants,
                 int64_t deadline)
{
    struct loop *loop = t->loop;
    int error = watch(loop, handle, wants);

    t->deadline = deadline;
    if (error == 0)
        error = timers_set(&loop->timers, t);
    if (error == 0)
        error = note_waiters(t, &handle->registration, wants);
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

/* A write time-out limits how long a peer may take. */
int loop_flush(struct task *t, int64_t deadline)
{
    struct handle *blocked;
    int error = outputs_send(&t->outputs, &blocked);

    t->flushing = error != 0;
    if (error != EAGAIN)
        return error;
    if (blocked->timeout < deadline - clock_now())
        deadline = clock_now() + blocked->timeout;
    error = await(t, blocked, CAN_WRITE, deadline);
    return error == 0 ? EAGAIN : error;
}

int loop_await(struct task *t, struct handle *handle, int wants,
               int64_t deadline)
{
    int error = 0;

    t->flushing = false;
    if (t->outputs != NULL)
        error = loop_flush(t, deadline);
    if (error == EAGAIN && t->handle == handle && (wants & CAN_WRITE))
        t->flushing = false;
    if (error != 0)
        return error == EAGAIN ? 0 : error;
    return await(t, handle, wants, deadline);
}

int loop_await_set(struct task *t, struct handle *set_waiters, int64_t deadline)
{
    int error = loop_await(t, set_waiters, CAN_READ, deadline);

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

void loop_wake_set_waiters(void)
{
    for (struct loop *loop = loop_list; loop != NULL; loop = loop->next) {
        struct task *t = loop->set_waiters > 0 ? loop->tasks : NULL;

        for (; t != NULL; t = t->next) {
            if (t->waits_on_set)
                loop_wake(t);
        }
    }
}

/* Whoever waits finds it closed. The kernel forgets a closed descriptor by
 * itself, unless a forked child holds it, too. */
void loop_forget(struct handle *handle, bool closing)
{
    struct registration *registration = &handle->registration;
    struct loop *loop = registration->loop;
    struct slot *slot;

    if (handle->fd != -1)
        loop_wake_set_waiters();
    if (loop == NULL)
        return;
    slot = &loop->slots[handle->fd];
    slot->handle = NULL;
    slot->generation++;
    if (!closing || loop->uses_poll || loop->forked)
        poller_remove(loop->poller, handle->fd);
    for (int i = READING; i <= WRITING; i++) {
        if (registration->waiter[i] != NULL)
            loop_wake(registration->waiter[i]);
    }
    *registration = (struct registration){0};
}

/* ---- events ---- */

static void wake_waiter(struct task *t, int what)
{
    if (t != NULL && (what & (t->wants | HAS_ENDED)))
        loop_wake(t);
}

static void on_event(void *context, uint64_t tag, int what)
{
    struct loop *loop = context;
    struct slot *slot = &loop->slots[(uint32_t)tag];
    struct registration *registration;

    if (slot->generation != (uint32_t)(tag >> 32) || slot->handle == NULL)
        return;
    registration = &slot->handle->registration;
    if (what & HAS_ENDED)
        registration->ended = true;
    if (what & HAS_URGENT)
        registration->urgent = true;
    if (what & (CAN_READ | HAS_URGENT | HAS_ENDED)) {
        registration->drained = false;
        wake_waiter(registration->waiter[READING], what);
    }
    if (what & CAN_WRITE)
        wake_waiter(registration->waiter[WRITING], what);
}

int64_t loop_deadline(const struct loop *loop)
{
    return loop->ready_first != NULL ? 0 : next_timer(loop);
}

bool loop_is_stuck(const struct loop *loop)
{
    return loop->tasks != NULL && loop->ready_first == NULL &&
           loop->io_waits == 0 && loop->timed == 0 && loop->held == 0;
}

bool loop_is_stuck_again(struct loop *loop)
{
    bool again = loop->stuck;

    loop->stuck = true;
    return again;
}

int loop_poll(struct loop *loop, int64_t deadline)
{
    int error = poller_wait(loop->poller, deadline, on_event, loop);

    loop->now = clock_now();
    run_timers(loop);
    return error;
}
