/*
 * c_memory: memory of the C library, owned by a userdata.
 *
 * Store what getaddrinfo(3) or a similar function returns in one at once, so
 * that it does not leak if making Lua values of it raises:
 *
 *     struct c_memory *f = c_memory_new(L, release);
 *     f->memory = ...;
 *     ...
 *     c_memory_release(f);
 */
#ifndef SOCKEYE_BASE_C_MEMORY_H
#define SOCKEYE_BASE_C_MEMORY_H

#include <lua.h>

struct c_memory {
    void *memory; /* NULL: nothing to release */
    void (*release)(void *memory);
};

/* Push an owner without memory. */
struct c_memory *c_memory_new(lua_State *L, void (*release)(void *memory));

/* Release the memory now instead of when the owner is collected. */
void c_memory_release(struct c_memory *f);

#endif
