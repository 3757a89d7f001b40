/*
 * running: the task that this thread runs.
 */
#ifndef SOCKEYE_LOOP_RUNNING_H
#define SOCKEYE_LOOP_RUNNING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct task;

/* For the two functions below alone: the task, and whether any thread has ever
 * run one. Without tasks the second is enough, and it is cheaper to read. */
extern _Thread_local struct task *running_task;
extern atomic_bool running_is_used;

/* The task that runs in this thread; NULL outside. */
static inline struct task *loop_running(void)
{
    return atomic_load_explicit(&running_is_used, memory_order_relaxed)
               ? running_task
               : NULL;
}

static inline void loop_set_running(struct task *t)
{
    atomic_store_explicit(&running_is_used, true, memory_order_relaxed);
    running_task = t;
}

#endif
