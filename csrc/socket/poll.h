/* poll: which of several descriptors are ready. */
#ifndef SOCKEYE_SOCKET_POLL_H
#define SOCKEYE_SOCKET_POLL_H

#include <lua.h>

/* sockeye.poll, joined to the module table on top. */
void open_poll(lua_State *L);

#endif
