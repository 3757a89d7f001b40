/*
 * turn: resumes tasks, and polls for events between their turns.
 */
#ifndef SOCKEYE_TASK_TURN_H
#define SOCKEYE_TASK_TURN_H

#include <lua.h>

#include "loop/fork.h"
#include "loop/loop.h"

/* Resume the ready tasks, then poll for events until `deadline`. False: no task
 * is left, or none that can end. `alone`: nothing but the loop can wake a task,
 * so it is an error if all tasks wait for each other. */
bool turn_once(lua_State *L, struct loop *loop, int64_t deadline, bool alone);

/* End all tasks now, ignoring their errors, and close their `<close>`
 * variables. */
void turn_abort(lua_State *L, struct loop *loop);

/* Private to the function below. */
void turn_forget_others(lua_State *L, struct loop *loop);

/* In a forked child only the task that forked goes on: forget the others, and
 * make its results those of the loop. Does nothing elsewhere, or if that is
 * done. Call it before the task ends or spawns another. */
static inline void turn_end_fork(lua_State *L, struct loop *loop)
{
    if (loop_survivor(loop) != NULL)
        turn_forget_others(L, loop);
}

/* The same for all loops of L's state that run. */
void turn_end_forks(lua_State *L);

#endif
