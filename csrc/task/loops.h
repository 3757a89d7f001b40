/*
 * loops: the loops of a Lua state.
 */
#ifndef SOCKEYE_TASK_LOOPS_H
#define SOCKEYE_TASK_LOOPS_H

#include <stdint.h>

#include <lua.h>

#include "base/argument.h"

struct loops;

/* A file of functions that have spawned tasks, by its name in errors. */
struct known_file {
    char name[LUA_IDSIZE];
    uint16_t number; /* see origin.c; 0: the library's own */
};
enum { KNOWN_FILES = 2 };

/* The root of the state's loops, which lives as long as the state. Neither
 * function allocates or raises; each needs one slot of the stack. */
struct loops *task_loops(lua_State *L);

/* The same; or NULL, which costs less, while no loop exists. */
const struct loops *task_loops_if_any(lua_State *L);

/* The files that were met last, of the state with these loops. */
struct known_file *task_known_files(struct loops *loops);

#endif
