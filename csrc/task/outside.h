/*
 * outside: the deadlines in force outside of tasks.
 */
#ifndef SOCKEYE_TASK_OUTSIDE_H
#define SOCKEYE_TASK_OUTSIDE_H

#include <stdint.h>

struct task;

/* A stand-in task for code outside of tasks, which holds its deadlines. Call
 * outside_changed after changing them. */
struct task *outside_deadlines(void);
void outside_changed(void);

/* `own`, or an earlier deadline that is in force. */
int64_t outside_limit(int64_t own);

#endif
