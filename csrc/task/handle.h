/*
 * handle: the time-outs of a descriptor's owner as errors.
 */
#ifndef SOCKEYE_TASK_HANDLE_H
#define SOCKEYE_TASK_HANDLE_H

#include <lua.h>

struct handle;

/* Push the time-out of a call on the descriptor, with the subject at that index
 * unless it is 0. */
void handle_push_timeout(lua_State *L, const char *call, int subject,
                         const struct handle *handle);

#endif
