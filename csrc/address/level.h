/*
 * level: the levels of options and of control data, by name.
 */
#ifndef SOCKEYE_ADDRESS_LEVEL_H
#define SOCKEYE_ADDRESS_LEVEL_H

#include <lua.h>

#include "base/names.h"

extern const struct names level_names; /* SOL_ */

/* Read the level at `index`: "socket", "SOL_SOCKET", "IPPROTO_TCP", "AF_VSOCK",
 * or a number of either sign. Returns true, or pushes what is wrong. */
bool level_read(lua_State *L, int index, int *level);

/* Return the level at `arg`; raises an argument error. */
int level_check(lua_State *L, int arg);

#endif
