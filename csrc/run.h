/* run: the loop as a script sees it. */
#ifndef SOCKEYE_RUN_H
#define SOCKEYE_RUN_H

#include <lua.h>

/* run, loop and tasks, joined to the module table on top. */
void open_run(lua_State *L);

#endif
