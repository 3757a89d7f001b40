/*
 * c_memory: memory of the C library, owned by a userdata.
 *
 * What getaddrinfo(3) and its like return is stored in one at once, so that
 * nothing leaks when making a Lua value of it raises:
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
    void *memory; /* NULL: there is none, or no longer */
    void (*release)(void *memory);
};

/* Push an owner without memory. */
struct c_memory *c_memory_new(lua_State *L, void (*release)(void *memory));

/* Release the memory now; the collector does it otherwise. */
void c_memory_release(struct c_memory *f);

#endif
