/* process: processes, and the descriptors that are handed to them. */
#ifndef SOCKEYE_SYSTEM_PROCESS_H
#define SOCKEYE_SYSTEM_PROCESS_H

#include <lua.h>

/* The functions, into the module table on top. */
void open_process(lua_State *L);

#endif
