/*
 * foreign: memory of the C library, held by a userdata.
 *
 * What getaddrinfo(3) and its like return is put into one at once, so that Lua
 * values can be made of it without a leak when one of them cannot be made:
 *
 *     struct foreign *f = c_memory_new(L, release);
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

/* Push a holder without memory. */
struct c_memory *c_memory_new(lua_State *L, void (*release)(void *memory));

/* Give the memory back now; the collector does it otherwise. */
void c_memory_release(struct c_memory *f);

#endif
