/* netdb: the databases of services and protocols; the rooms above need nothing
 * of it but its door. */
#ifndef SOCKEYE_SYSTEM_NETDB_H
#define SOCKEYE_SYSTEM_NETDB_H

#include <lua.h>

/* getservbyname and its like, into the module table on top of the stack. */
void open_netdb(lua_State *L);

#endif
