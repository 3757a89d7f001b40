/*
 * traceback: where the error of a task was raised.
 */
#ifndef SOCKEYE_TASK_TRACEBACK_H
#define SOCKEYE_TASK_TRACEBACK_H

#include <stdbool.h>

#include <lua.h>

struct task;

/* Push the traceback of a coroutine, as luaL_traceback makes it, but without the
 * library's own frames. */
void traceback_push(lua_State *L, lua_State *co, int level);

/* The message handler of a task's function: keeps the traceback of the error,
 * after that of the task in a group of this one in which it has happened. */
int traceback_keep(lua_State *L);

/* Push the traceback of the error at `error`, which the task at `index` has failed
 * with, or which is on its way in it; or nil. */
void traceback_push_of(lua_State *L, int index, int error);

/* Push the error that t is to fail with; nil, and false: there is none. */
bool traceback_push_error(lua_State *L, const struct task *t);

/* The error of t is no more on its way. */
void traceback_forget_error(lua_State *L, const struct task *t);

#endif
