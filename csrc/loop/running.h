/*
 * running: the task that this thread runs.
 */
#ifndef SOCKEYE_LOOP_RUNNING_H
#define SOCKEYE_LOOP_RUNNING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct task;

/* Private to the two functions below: the running task, and whether any thread
 * has ever run one. The second is cheaper to read, and enough for programs
 * without tasks. */
extern _Thread_local struct task *running_task;
extern atomic_bool running_is_used;

/* The task that runs in this thread; NULL outside of tasks. */
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
