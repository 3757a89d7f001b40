/*
 * wake: makes tasks ready, whatever they wait for; see wake.h.
 */
#include "loop/wake.h"
#include "loop/inner.h"
#include "loop/place.h"

atomic_int loop_total;

static void append_ready(struct loop *loop, struct task *t)
{
    t->next_ready = NULL;
    if (loop->ready_first == NULL)
        loop->ready_first = t;
    else
        loop->ready_last->next_ready = t;
    loop->ready_last = t;
}

void loop_push_ready(struct loop *loop, struct task *t)
{
    t->status = TASK_READY;
    append_ready(loop, t);
}

void loop_push_ended(struct task *t)
{
    append_ready(t->loop, t);
}

static void stop_io(struct task *t)
{
    struct registration *registration = &t->handle->registration;

    for (int i = READING; i <= WRITING; i++) {
        if (registration->waiter[i] == t)
            registration->waiter[i] = NULL;
    }
    t->loop->io_waits--;
    t->loop->set_waiters -= t->waits_on_set;
    t->waits_on_set = false;
    t->handle = NULL;
    t->wants = 0;
}

static void stop_joining(struct task *t)
{
    struct task *other = (struct task *)t->token;

    other->joiners--;
    if (other->joiner == t)
        other->joiner = NULL;
    t->joins = false;
}

void loop_stop_waiting(struct task *t)
{
    if (t->handle != NULL)
        stop_io(t);
    if (t->joins)
        stop_joining(t);
    t->loop->timed -= t->deadline != NO_DEADLINE;
    t->token = NULL;
    if (t->places != NULL)
        place_leave_all(t->places);
}

static void remove_ready(struct loop *loop, struct task *t)
{
    struct task **place = &loop->ready_first;
    struct task *before = NULL;

    while (*place != t) {
        before = *place;
        place = &before->next_ready;
    }
    *place = t->next_ready;
    if (loop->ready_last == t)
        loop->ready_last = before;
}

void loop_take_out(struct task *t)
{
    if (t->status == TASK_WAITING)
        loop_stop_waiting(t);
    else if (t->status == TASK_READY)
        remove_ready(t->loop, t);
    t->status = TASK_RUNNING;
}

void loop_wake(struct task *t)
{
    if (t->status != TASK_WAITING)
        return;
    loop_stop_waiting(t);
    loop_push_ready(t->loop, t);
}

/* The place stays the task's; what it waited for has come. */
static void meet(struct place *p, bool ended)
{
    place_leave(p);
    if (p->met != NULL) {
        p->met(p);
        return;
    }
    place_note(p, ended);
    loop_wake(p->task);
}

void loop_meet(struct place *p)
{
    meet(p, false);
}

bool loop_meet_all(struct queue *queue)
{
    bool any = false;

    for (; queue->first != NULL; any = true)
        meet(queue->first, true);
    return any;
}

void loop_wake_set_waiters(const struct loops *loops)
{
    struct loop *loop = loops != NULL ? loops->first : NULL;

    for (; loop != NULL; loop = loop->next) {
        struct task *t = loop->set_waiters > 0 ? loop->tasks : NULL;

        for (; t != NULL; t = t->next) {
            if (t->waits_on_set)
                loop_wake(t);
        }
    }
}
