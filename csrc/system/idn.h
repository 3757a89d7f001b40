/*
 * idn: international host names, in the ASCII form that is looked up.
 */
#ifndef SOCKEYE_SYSTEM_IDN_H
#define SOCKEYE_SYSTEM_IDN_H

#include <lua.h>

#define IDN_HOST_SIZE 256 /* the longest name, and a zero */

/* Return the host that is the string at `index`: itself, or for one that is not
 * ASCII, `ascii` with its ASCII form. Pushes what is wrong with it and returns
 * NULL where it has white space, a zero or what no host name has. */
const char *idn_read_host(lua_State *L, int index, char *ascii);

#endif
