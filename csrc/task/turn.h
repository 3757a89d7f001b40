/*
 * turn: resumes tasks, and polls for events between their turns.
 */
#ifndef SOCKEYE_TASK_TURN_H
#define SOCKEYE_TASK_TURN_H

#include <lua.h>

#include "loop/loop.h"

/* Resume the ready tasks, then poll for events until `deadline`. False: no task
 * is left, or none that can end. `alone`: nothing but the loop can wake a task,
 * so it is an error if all tasks wait for each other. */
bool turn_once(lua_State *L, struct loop *loop, int64_t deadline, bool alone);

/* End all tasks now, ignoring their errors, and close their `<close>`
 * variables. */
void turn_abort(lua_State *L, struct loop *loop);

/* After fork(2), in the child: only the running task goes on, and its results
 * become those of its loop. Call turn_fork_child first, which makes no Lua
 * call. */
void turn_fork_child(void);
void turn_forget_others(lua_State *L);

#endif
