/* group: tasks that end together. */
#ifndef SOCKEYE_TASK_GROUP_H
#define SOCKEYE_TASK_GROUP_H

#include <lua.h>

/* The group type, joined to the module table on top. */
void open_group(lua_State *L);

#endif
