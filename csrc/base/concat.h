/*
 * concat: joins addresses and errors to text, "failed: " .. err.
 */
#ifndef SOCKEYE_BASE_CONCAT_H
#define SOCKEYE_BASE_CONCAT_H

#include <lua.h>

/* The metamethod `__concat` of each type whose values join strings, numbers and
 * one another, as what tostring returns. */
int concat_values(lua_State *L);

#endif
