/* netlink: the messages of netlink(7) as Lua values; the rooms above need
 * nothing of it but its door. */
#ifndef SOCKEYE_SYSTEM_NETLINK_H
#define SOCKEYE_SYSTEM_NETLINK_H

#include <lua.h>

/* Into the primitives of the module table on top of the stack. */
void open_netlink(lua_State *L);

#endif
