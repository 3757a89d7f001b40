/*
 * timers: tasks waiting for a deadline: a heap, earliest first.
 *
 * A timer may fire before its task's deadline, which can move later cheaply: it
 * is then re-armed.
 */
#ifndef SOCKEYE_LOOP_TIMERS_H
#define SOCKEYE_LOOP_TIMERS_H

#include <stddef.h>

struct task;

/* A heap whose first element has index 1. All zeroes: empty. */
struct timers {
    struct task **heap;
    size_t count;
    size_t size;
};

/* Arm a timer no later than the task's deadline, which is not NO_DEADLINE.
 * Returns 0 or errno. */
int timers_set(struct timers *h, struct task *t);

void timers_remove(struct timers *h, struct task *t);

/* Re-arm the first timer, whose task has a later deadline by now. */
void timers_put_off(struct timers *h, struct task *t);

static inline struct task *timers_first(const struct timers *h)
{
    return h->count > 0 ? h->heap[1] : NULL;
}

#endif
