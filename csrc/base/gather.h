/*
 * gather: bytes gathered over several calls, in a userdata on the stack.
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

/* Push a gather that holds `used` bytes and has room for more. */
void gather_new(lua_State *L, const char *bytes, size_t used, size_t wanted);

/* The gather on top, replaced by a larger one if it is full. */
struct gather *gather_room(lua_State *L, size_t wanted);

/* How much the gather on top holds. */
size_t gather_used(lua_State *L);

/* Push it as a string. */
void gather_push(lua_State *L);

#endif
