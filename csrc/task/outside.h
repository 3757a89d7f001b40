/*
 * outside: the deadlines in force outside of tasks.
 *
 * Each Lua state has a list of them. A deadline is in force while the coroutine
 * that opened it runs, or has resumed the one that runs.
 */
#ifndef SOCKEYE_TASK_OUTSIDE_H
#define SOCKEYE_TASK_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

struct scope;

/* The list of the Lua state, which lives as long as the state, for a deadline to
 * be added: the next call looks at the clock. */
struct scope **outside_list(lua_State *L);

/* Count one more call on L. Every so many calls, returns whether a deadline in
 * force has come: where calls need not wait, nothing else would notice. */
bool outside_is_over(lua_State *L);

/* Returns `own`, or an earlier deadline that is in force for L. The second
 * returns the earliest of those around a scope in the list. */
int64_t outside_limit(lua_State *L, int64_t own);
int64_t outside_limit_around(lua_State *L, const struct scope *scope);

/* For the caller, in a task or outside: the earliest deadline around its code;
 * whether a scope around it is over. */
int64_t outside_caller_limit(lua_State *L);
bool outside_caller_is_over(lua_State *L);

#endif
