/* run: the loop as a script sees it. */
#ifndef SOCKEYE_TASK_RUN_H
#define SOCKEYE_TASK_RUN_H

#include <lua.h>

/* run, loop and tasks, joined to the module table on top. */
void open_run(lua_State *L);

#endif
