/*
 * outside: the deadlines that are in force outside of every task.
 */
#ifndef SOCKEYE_TASK_OUTSIDE_H
#define SOCKEYE_TASK_OUTSIDE_H

#include <stdint.h>

struct task;

/* A stand-in task for code outside tasks: holds its deadlines. After changing
 * them call outside_changed. */
struct task *outside_deadlines(void);
void outside_changed(void);

/* `own`, or an earlier deadline that is in force. */
int64_t outside_limit(int64_t own);

#endif
