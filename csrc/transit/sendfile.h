/* sendfile: a file to a socket, past this process. */
#ifndef SOCKEYE_TRANSIT_SENDFILE_H
#define SOCKEYE_TRANSIT_SENDFILE_H

#include <lua.h>

/* The method, joined to the socket type; before streams' are. */
void open_sendfile(lua_State *L);

/* For the stream's table of methods, on top of the stack. */
void add_stream_sendfile(lua_State *L);

#endif
