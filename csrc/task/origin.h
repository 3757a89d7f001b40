/*
 * origin: the script's line that has spawned a task.
 */
#ifndef SOCKEYE_TASK_ORIGIN_H
#define SOCKEYE_TASK_ORIGIN_H

#include <stdbool.h>

#include <lua.h>

struct loops;
struct task;

/* Note for t, of one of the loops, the line that the running C function was called
 * on; or, where only the library's own functions run, that of the task that
 * spawns it. */
void origin_note(lua_State *L, struct task *t, struct loops *loops);

/* Push the line that has spawned t: "script.lua:12". If none is known, push
 * nothing and return false. */
bool origin_push(lua_State *L, const struct task *t);

/* Push the line that t executes; in a function that is none of the script's, the
 * one that has spawned it; or "?". */
void origin_push_place(lua_State *L, const struct task *t);

#endif
