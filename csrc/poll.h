/* poll: which of several descriptors are ready. */
#ifndef SOCKEYE_POLL_H
#define SOCKEYE_POLL_H

#include <lua.h>

/* sockeye.poll, joined to the module table on top. */
void open_poll(lua_State *L);

#endif
