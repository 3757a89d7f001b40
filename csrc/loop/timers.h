/*
 * timers: the tasks that wait for a moment, the first of them foremost.
 *
 * A timer that comes sooner than its task's deadline may stay as it is: it is
 * looked at when it comes, and put off.
 */
#ifndef SOCKEYE_LOOP_TIMERS_H
#define SOCKEYE_LOOP_TIMERS_H

#include <stddef.h>

struct task;

/* A heap from place 1; zeroes are an empty one. */
struct timers {
    struct task **heap;
    size_t count;
    size_t size;
};

/* Have a timer come at the task's deadline at the latest. Zero, or errno. */
int timers_set(struct timers *h, struct task *t);

void timers_remove(struct timers *h, struct task *t);

/* The task, which is the first, has a later deadline. */
void timers_put_off(struct timers *h, struct task *t);

static inline struct task *timers_first(const struct timers *h)
{
    return h->count > 0 ? h->heap[1] : NULL;
}

#endif
