/*
 * report: errors that no task can raise any more.
 */
#ifndef SOCKEYE_TASK_REPORT_H
#define SOCKEYE_TASK_REPORT_H

#include <lua.h>

struct loop;
struct task;

/* Pop the value on top: the function that errors of the loop's tasks are
 * reported to; nil: they are written to standard error. */
void report_set(lua_State *L, const struct loop *loop);

/* Pop the error on top, and report it as one of t, a task that has not ended, or
 * the main task. Raises nothing. */
void report_error(lua_State *L, struct task *t);

#endif
