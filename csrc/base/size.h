/*
 * size: integers of scripts as sizes of memory.
 */
#ifndef SOCKEYE_BASE_SIZE_H
#define SOCKEYE_BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/* A number of bytes that is not negative, or as many as memory can have. */
static inline size_t size_of_integer(lua_Integer bytes)
{
    return (lua_Unsigned)bytes < SIZE_MAX / 2 ? (size_t)bytes : SIZE_MAX / 2;
}

#endif
