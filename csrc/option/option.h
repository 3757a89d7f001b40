/* option: the socket's options; the rooms above need nothing of it but its
 * door and the names of TCP's states. */
#ifndef SOCKEYE_OPTION_OPTION_H
#define SOCKEYE_OPTION_OPTION_H

#include <lua.h>

/* "ESTABLISHED" for TCP_ESTABLISHED; "UNKNOWN" for a number without a name. */
const char *state_tcp_name(unsigned state);

/* options and the levels, joined to the module table on top, and the methods
 * getsockopt and setsockopt. */
void open_option(lua_State *L);

#endif
