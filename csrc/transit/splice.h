/* splice: from one descriptor to another, past this process. */
#ifndef SOCKEYE_TRANSIT_SPLICE_H
#define SOCKEYE_TRANSIT_SPLICE_H

#include <lua.h>

/* The function, joined to the module table on top, and the method. */
void open_splice(lua_State *L);

#endif
