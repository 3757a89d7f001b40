/* suspend: how a task pauses. */
#ifndef SOCKEYE_TASK_SLEEP_H
#define SOCKEYE_TASK_SLEEP_H

#include <lua.h>

/* sleep, resume, and what the modules in Lua build on, joined to the module
 * table on top. */
void open_sleep(lua_State *L);

#endif
