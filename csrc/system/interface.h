/* interface: the network interfaces; the rooms above need nothing of it but its
 * door. */
#ifndef SOCKEYE_SYSTEM_INTERFACE_H
#define SOCKEYE_SYSTEM_INTERFACE_H

#include <lua.h>

/* interfaces and the if_ functions, into the module table on top. */
void open_interface(lua_State *L);

#endif
