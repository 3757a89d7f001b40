/*
 * protocol: the protocols that a socket may be made for, by name.
 *
 * Their numbers mean something else in each family. In Lua they are in host
 * byte order.
 */
#ifndef SOCKEYE_ADDRESS_PROTOCOL_H
#define SOCKEYE_ADDRESS_PROTOCOL_H

#include <lua.h>

#include "base/names.h"

extern const struct names protocol_names; /* IPPROTO_ */

#ifdef __linux__
extern const struct names protocol_ethernet_names; /* ETH_P_ */
#endif

/* The names that the family has for its protocols. */
const struct names *protocol_names_of(int family);

/* The protocol at `arg`, a name or a number, else argument error; nil is 0. */
int protocol_opt(lua_State *L, int arg, int family);

/* As socket(2) takes it. */
int protocol_for_system(int family, int protocol);

#endif
