/*
 * loops: the loops of a Lua state.
 */
#ifndef SOCKEYE_TASK_LOOPS_H
#define SOCKEYE_TASK_LOOPS_H

#include <lua.h>

struct loops;

/* The root of the state's loops, which lives as long as the state. Neither
 * function allocates or raises; each needs one slot of the stack. */
struct loops *task_loops(lua_State *L);

/* The same; or NULL, which costs less, while no loop exists. */
const struct loops *task_loops_if_any(lua_State *L);

#endif
