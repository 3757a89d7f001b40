/*
 * ifindex: the interface of an address, by its name or its index.
 */
#ifndef SOCKEYE_ADDRESS_IFINDEX_H
#define SOCKEYE_ADDRESS_IFINDEX_H

#include <stdbool.h>

#include <lua.h>

/* Push the interface's name, or nil if there is none. */
void ifindex_push_name(lua_State *L, int index);

/* Push the interface as ifindex_parse takes it. */
void ifindex_print(lua_State *L, int index);

/* Read an interface: a name, an index, or "*" for any, which is 0. Returns
 * false if there is none. */
bool ifindex_parse(lua_State *L, const char *text, int *index);

/* Return the interface at `arg`, a name or an index; nil is 0. Raises an
 * argument error. */
int ifindex_check(lua_State *L, int arg);

#endif
