/* checksum: the checksum of the Internet protocols. */
#ifndef SOCKEYE_SYSTEM_CHECKSUM_H
#define SOCKEYE_SYSTEM_CHECKSUM_H

#include <lua.h>

/* checksum, into the module table on top of the stack. */
void open_checksum(lua_State *L);

#endif
