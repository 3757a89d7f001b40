/* resolve: hosts and services by their names; the rooms above need nothing of
 * it but its door. */
#ifndef SOCKEYE_SYSTEM_RESOLVE_H
#define SOCKEYE_SYSTEM_RESOLVE_H

#include <lua.h>

/* resolve and nameinfo, into the module table on top of the stack. */
void open_resolve(lua_State *L);

#endif
