/* connection: names, connections and their ends; the rooms above need nothing
 * of it but its door. */
#ifndef SOCKEYE_SOCKET_CONNECTION_H
#define SOCKEYE_SOCKET_CONNECTION_H

#include <lua.h>

/* socketpair and the methods, joined to the module table on top. */
void open_connection(lua_State *L);

#endif
