/*
 * size: converts integers of scripts to sizes of memory.
 */
#ifndef SOCKEYE_BASE_SIZE_H
#define SOCKEYE_BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/* Return the number of bytes, which is not negative, limited to what memory can
 * hold. */
static inline size_t size_of_integer(lua_Integer bytes)
{
    return (lua_Unsigned)bytes < SIZE_MAX / 2 ? (size_t)bytes : SIZE_MAX / 2;
}

/* A length that the system reports for a buffer of `capacity` bytes. It may be
 * larger: of a value or an address that was cut, and of some options. */
static inline size_t size_within(size_t reported, size_t capacity)
{
    return reported < capacity ? reported : capacity;
}

#endif
