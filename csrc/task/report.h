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

/* Pop the value on top: the function that errors of t are reported to, until it
 * ends, and of the tasks in its groups, and in theirs. */
void report_set_own(lua_State *L, struct task *t);

/* With the table of the loop on top: t, which has ended, has none any more. */
void report_forget_own(lua_State *L, struct task *t);

/* Pop the error on top, and report it as one of t, a task that has not ended, or
 * the main task. Raises nothing. */
void report_error(lua_State *L, struct task *t);

/* Likewise, whoever has a reporter of its own: to that of the loop. */
void report_to_loop(lua_State *L, struct task *t);

#endif
