/*
 * buffer: memory to receive into, without paying for more than arrives.
 *
 * A mapping of the wanted size costs address space only; pages are taken when
 * the kernel writes to them. Every buffer belongs to a userdata, so that none
 * is lost when Lua raises.
 */
#ifndef SOCKEYE_BASE_SCRATCH_H
#define SOCKEYE_BASE_SCRATCH_H

#include <stddef.h>

#include <lua.h>

/* Scratch memory that stays. */
#define SCRATCH_KEPT ((size_t)256 * 1024)

/* Memory for up to *size bytes until the next call of a room; *size becomes
 * smaller where the system has not that much. It may be another one after Lua
 * code has run. */
char *scratch_take(lua_State *L, size_t *size);

/* After scratch_take for `size`: give back more than is worth keeping. */
void scratch_trim(lua_State *L);

static inline void scratch_release(lua_State *L, size_t size)
{
    if (size > SCRATCH_KEPT)
        scratch_trim(L);
}

/* Bytes that are gathered over several calls; a userdata on the stack. */
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
