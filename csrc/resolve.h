/* resolve: host, service and protocol names; the rooms above need nothing of it
 * but its door. */
#ifndef SOCKEYE_RESOLVE_H
#define SOCKEYE_RESOLVE_H

#include <lua.h>

/* resolve, nameinfo and the databases, into the module table on top. */
void open_resolve(lua_State *L);

#endif
