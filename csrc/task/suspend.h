/*
 * suspend: how a coroutine of a task yields to the loop, and who resumes it.
 */
#ifndef SOCKEYE_TASK_SUSPEND_H
#define SOCKEYE_TASK_SUSPEND_H

#include <stdbool.h>

#include <lua.h>

struct task;

/* Yield to the loop; `step` is called with `context` when the task is resumed.
 * `call` is the name of the call that waits. */
int task_suspend(lua_State *L, struct task *t, const char *call,
                 lua_KContext context, lua_KFunction step);

/* Whether the coroutine runs, or has resumed another: it can be neither resumed
 * nor closed. */
bool task_coroutine_runs(lua_State *co);

#endif
