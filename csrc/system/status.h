/*
 * status: what waitpid(2) reports of a child.
 */
#ifndef SOCKEYE_SYSTEM_STATUS_H
#define SOCKEYE_SYSTEM_STATUS_H

#include <lua.h>

/* Push how a child's state has changed: a word and a number. Returns 2. Needs no
 * memory, without which what waitpid(2) has reported would be lost. */
int status_push(lua_State *L, int status);

#endif
