/*
 * registration: which descriptors a loop watches, and which tasks wait for
 * them; see registration.h.
 *
 * A descriptor is registered once (poller.h). An event carries descriptor and
 * generation, so that it does not reach a new socket with the number of a
 * closed one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "loop/inner.h"
#include "loop/output.h"
#include "loop/registration.h"
#include "loop/wake.h"

/* So much later than asked for a rest may end. */
#define LATE (NANOSECONDS / 50)

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

/* Register a handle. If its slot is taken, the descriptor with that number was
 * closed by other code. */
static int add(struct loop *loop, struct handle *handle, int wants)
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
        loop_forget(loop->loops, handle, false);
    slot = &loop->slots[fd];
    if (slot->handle != NULL)
        loop_forget(loop->loops, slot->handle, true);
    error = poller_add(loop->poller, handle->fd, tag_of(slot, handle), wants);
    if (error != 0)
        return error;
    slot->handle = handle;
    handle->registration.loop = loop;
    handle->registration.watched = wants | POLLIN;
    return 0;
}

/* Ask the poller for events, unless it already watches for them. A poller that
 * reports each event once is asked every time. */
static int watch(struct loop *loop, struct handle *handle, int wants)
{
    struct registration *registration = &handle->registration;
    int watched = registration->watched | wants;
    bool once = loop->reports_once;
    int error;

    if (registration->loop != loop)
        return add(loop, handle, wants);
    if (watched == registration->watched && !once)
        return 0;
    error = poller_want(loop->poller, handle->fd,
                        tag_of(&loop->slots[handle->fd], handle),
                        once ? wants : watched);
    if (error == 0)
        registration->watched = watched;
    return error;
}

static int note_waiters(struct task *t, struct registration *registration,
                        int wants)
{
    bool reads = wants & (POLLIN | POLLPRI);
    bool writes = wants & POLLOUT;

    if ((reads && registration->waiter[READING] != NULL) ||
        (writes && registration->waiter[WRITING] != NULL))
        return EBUSY;
    if (reads)
        registration->waiter[READING] = t;
    if (writes)
        registration->waiter[WRITING] = t;
    return 0;
}

/* poll(2) reports for ever what no call takes away, such as an error queue. */
static void rest(struct task *t, const struct handle *handle)
{
    struct loop *loop = t->loop;
    int64_t until;

    if (!loop->reports_once || t->vain < 2)
        return;
    until = loop->now + clock_rest(t->vain - 1);
    t->since = until + LATE;
    poller_rest(loop->poller, handle->fd, until);
}

int registration_wait(struct task *t, struct handle *handle, int wants)
{
    int error = watch(t->loop, handle, wants);

    if (error == 0)
        error = note_waiters(t, &handle->registration, wants);
    if (error == 0)
        rest(t, handle);
    return error;
}

void registration_release_all(struct loop *loop)
{
    for (size_t fd = 0; fd < loop->slot_count; fd++) {
        struct slot *slot = &loop->slots[fd];

        if (slot->handle != NULL)
            slot->handle->registration = (struct registration){0};
        slot->handle = NULL;
        slot->generation++;
    }
}

/* Wakes the tasks that wait for descriptors, and drops the output of all: the
 * parent sends it. */
static void renew(struct loop *loop)
{
    registration_release_all(loop);
    poller_renew(loop->poller);
    loop->reports_once = poller_reports_once(loop->poller);
    loop->process = process_number;
    loop->children = process_children;
    loop->stuck = false;
    for (struct task *t = loop->tasks; t != NULL; t = t->next) {
        outputs_drop(&t->outputs);
        if (t->handle != NULL)
            loop_wake(t);
    }
}

void loop_own(struct loop *loop)
{
    if (loop->process != process_number)
        renew(loop);
}

/* Whether a child may hold what is registered: it has been forked since the
 * loop was opened. */
static bool is_shared(const struct loop *loop)
{
    return loop->children !=
           atomic_load_explicit(&process_children, memory_order_relaxed);
}

/* Waiting tasks wake and find the descriptor closed. epoll forgets a closed
 * descriptor by itself, unless a forked child holds it too; the list for
 * poll(2) does not. */
void loop_forget(const struct loops *loops, struct handle *handle, bool closing)
{
    struct registration *registration = &handle->registration;
    struct loop *loop = registration->loop;
    struct slot *slot;

    if (handle->fd != -1)
        loop_wake_set_waiters(loops);
    if (loop != NULL)
        loop_own(loop);
    if (registration->loop == NULL)
        return;
    slot = &loop->slots[handle->fd];
    slot->handle = NULL;
    slot->generation++;
    if (!closing || is_shared(loop) || loop->reports_once)
        poller_remove(loop->poller, handle->fd);
    for (int i = READING; i <= WRITING; i++) {
        if (registration->waiter[i] != NULL)
            loop_wake(registration->waiter[i]);
    }
    *registration = (struct registration){0};
}

void loop_forget_number(const struct loops *loops, int fd)
{
    struct loop *loop = loops != NULL ? loops->first : NULL;

    for (; loop != NULL; loop = loop->next) {
        if ((size_t)fd < loop->slot_count && loop->slots[fd].handle != NULL)
            loop_forget(loops, loop->slots[fd].handle, false);
    }
}

/* A task that began to wait when its deadline had come makes its last
 * attempt. */
static void wake_waiter(struct task *t, int events)
{
    if (t == NULL || !(events & (t->wants | POLLHUP)))
        return;
    t->timed_out = t->deadline <= t->loop->now;
    loop_wake(t);
}

void registration_event(void *context, uint64_t tag, int events)
{
    struct loop *loop = context;
    struct slot *slot = &loop->slots[(uint32_t)tag];
    struct registration *registration;

    if (slot->generation != (uint32_t)(tag >> 32) || slot->handle == NULL)
        return;
    registration = &slot->handle->registration;
    if (events & POLLHUP)
        registration->ended = true;
    if (events & POLLPRI)
        registration->urgent = true;
    if (events & (POLLIN | POLLPRI | POLLHUP)) {
        registration->drained = false;
        wake_waiter(registration->waiter[READING], events);
    }
    if (events & POLLOUT)
        wake_waiter(registration->waiter[WRITING], events);
}
