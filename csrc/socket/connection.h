/*
 * connection: what connects sockets, and who they are connected to.
 */
#ifndef SOCKEYE_SOCKET_CONNECTION_H
#define SOCKEYE_SOCKET_CONNECTION_H

#include <lua.h>

/* Push the address of the peer of the socket at `index`, also of one that has
 * reset the connection; nil if there is none. */
void connection_push_peer(lua_State *L, int index);

#endif
