/*
 * turn: resumes tasks, and lets the loop look for changes.
 */
#ifndef SOCKEYE_TASK_TURN_H
#define SOCKEYE_TASK_TURN_H

#include <lua.h>

#include "loop/loop.h"

/* Give the ready tasks their turns, then look for changes until `deadline`.
 * False when there is no task left, or none that will end. `alone`: nothing but
 * the loop itself can wake a task, so that it is an error when all wait for
 * each other. */
bool turn_once(lua_State *L, struct loop *loop, int64_t deadline, bool alone);

/* End all tasks now, without their errors; what is to be closed is closed. */
void turn_abort(lua_State *L, struct loop *loop);

/* After fork(2), in the child: only the running task goes on, and what it
 * returns is what its loop returns. The first half makes no Lua call. */
void turn_fork_child(void);
void turn_forget_others(lua_State *L);

#endif
