/*
 * traceback: where the error of a task was raised.
 */
#ifndef SOCKEYE_TASK_TRACEBACK_H
#define SOCKEYE_TASK_TRACEBACK_H

#include <lua.h>

/* The message handler of a task's function: keeps the traceback of the error,
 * after that of the task in a group of this one in which it has happened. */
int traceback_keep(lua_State *L);

#endif
