/*
 * scratch: large buffers that cost only the memory of what arrives.
 *
 * A mapping costs only address space; pages are allocated when the kernel
 * writes to them. Each mapping belongs to a userdata, so that none leaks when
 * Lua raises.
 */
#ifndef SOCKEYE_BASE_SCRATCH_H
#define SOCKEYE_BASE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

/* The most that one system call receives (read(2), NOTES). */
#define TRANSFER_MAX ((size_t)0x7ffff000)

/* A mapping for more than this is unmapped after its use. */
#define SCRATCH_KEPT ((size_t)256 * 1024)

struct scratch {
    char *bytes; /* NULL: none */
    size_t size;
};

/* Map `size` bytes for a scratch that has none. Returns false without
 * memory. */
bool scratch_map(struct scratch *scratch, size_t size);
void scratch_unmap(struct scratch *scratch);

/* Return the Lua state's scratch memory, valid until Lua code may run, in any
 * allocation, or the next scratch_take. `*size` shrinks if memory is short. */
char *scratch_take(lua_State *L, size_t *size);

/* Take the scratch memory away from the Lua state, and push the userdata that
 * owns it. The bytes stay valid as long as that stays on the stack, whatever Lua
 * code runs: a call made meanwhile gets other memory. Allocates nothing. */
void scratch_lease(lua_State *L);

/* Return what scratch_lease pushed, at `index`. A lease that is not returned
 * ends with the userdata. */
void scratch_return(lua_State *L, int index);

void scratch_trim(lua_State *L);

/* Call after scratch_take for `size`, when the bytes are no longer needed. */
static inline void scratch_release(lua_State *L, size_t size)
{
    if (size > SCRATCH_KEPT)
        scratch_trim(L);
}

#endif
