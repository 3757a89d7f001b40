/* transfer: bytes in and out of a socket. */
#ifndef SOCKEYE_TRANSFER_H
#define SOCKEYE_TRANSFER_H

#include <lua.h>

/* The methods and the flags, joined to the module table on top. */
void open_transfer(lua_State *L);

#endif
