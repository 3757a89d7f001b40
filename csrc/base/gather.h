/*
 * gather: collects the bytes of several calls in a userdata on the stack.
 */
#ifndef SOCKEYE_BASE_GATHER_H
#define SOCKEYE_BASE_GATHER_H

#include <stddef.h>

#include <lua.h>

struct gather {
    size_t size;
    size_t used;
    char bytes[];
};

/* Push a gather with a copy of `used` bytes and space for more, up to `wanted`
 * in all. */
void gather_new(lua_State *L, const char *bytes, size_t used, size_t wanted);

/* Return the gather on top; if it is full, replace it by a larger one first. */
struct gather *gather_space(lua_State *L, size_t wanted);

/* Return how many bytes the gather on top holds. */
size_t gather_used(lua_State *L);

/* Push the bytes of the gather on top as a string. */
void gather_push(lua_State *L);

#endif
