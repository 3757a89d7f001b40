/*
 * kill: ends tasks where they wait.
 */
#ifndef SOCKEYE_TASK_KILL_H
#define SOCKEYE_TASK_KILL_H

#include <lua.h>

struct group;

/* End the tasks of the group, and those in their groups: close their
 * coroutines. Those that run are cancelled instead. */
void kill_group(lua_State *L, struct group *group);

#endif
