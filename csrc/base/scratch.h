/*
 * scratch: memory to receive into, without paying for more than arrives.
 *
 * A mapping of the wanted size costs address space only; pages are taken when
 * the kernel writes to them. Each mapping belongs to a userdata, so that none
 * is lost when Lua raises.
 */
#ifndef SOCKEYE_BASE_SCRATCH_H
#define SOCKEYE_BASE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

/* The most that one system call receives (read(2), NOTES). */
#define TRANSFER_MAX ((size_t)0x7ffff000)

/* Scratch memory that stays. */
#define SCRATCH_KEPT ((size_t)256 * 1024)

struct scratch {
    char *bytes; /* NULL: none */
    size_t size;
};

/* Map `size` bytes, for a scratch that has none. False: there is no memory. */
bool scratch_map(struct scratch *scratch, size_t size);
void scratch_unmap(struct scratch *scratch);

/* The scratch memory of the Lua state, valid until Lua code runs or the next
 * scratch_take. *size shrinks if memory is short. */
char *scratch_take(lua_State *L, size_t *size);

/* After scratch_take for `size`: return more than is worth keeping. */
void scratch_trim(lua_State *L);

static inline void scratch_release(lua_State *L, size_t size)
{
    if (size > SCRATCH_KEPT)
        scratch_trim(L);
}

#endif
