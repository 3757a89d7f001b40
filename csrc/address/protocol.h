/*
 * protocol: the names of the protocols of socket(2).
 *
 * A number means another protocol in each family. In Lua, numbers are in host
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

/* Return the names of the family's protocols, for printing; there may be
 * none. */
const struct names *protocol_names_of(int family);

/* Return the names that are understood for the family's protocols. */
const struct names *protocol_known_names(int family);

/* Return the names of the row with this index, from 0 on, and its family; NULL
 * after the last one. */
const struct names *protocol_names_at(int i, int *family);

/* Return the protocol at `arg`, a name or a number; nil is 0. Raises an
 * argument error. */
int protocol_opt(lua_State *L, int arg, int family);

/* Return the protocol in the form that socket(2) takes. */
int protocol_for_system(int family, int protocol);

#endif
