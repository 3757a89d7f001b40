/*
 * argument: the descriptor that a script names by a socket, by what wraps one,
 * by a Lua file or by its number.
 *
 * The number is right until Lua code may run, in any allocation: that may close
 * the descriptor, and another may get its number. Take it last, just before the
 * system call, and again before the next one.
 */
#ifndef SOCKEYE_SOCKET_ARGUMENT_H
#define SOCKEYE_SOCKET_ARGUMENT_H

#include <lua.h>

#include "socket/socket.h"

/* Return the descriptor of the socket, wrapper, Lua file or integer at `index`;
 * CLOSED_DESCRIPTOR, or NO_DESCRIPTOR for another value. Allocates nothing. */
enum { CLOSED_DESCRIPTOR = -1, NO_DESCRIPTOR = -2 };
int socket_descriptor_at(lua_State *L, int index);

/* Raise EBADF in the name of `call`: the socket, stream or file at `index` is
 * closed. */
int socket_raise_closed(lua_State *L, int index, const char *call);

/* Return the descriptor at `arg`. Raises EBADF in the name of `call` if it is
 * closed. */
int socket_check_descriptor(lua_State *L, int arg, const char *call);

/* Call before others are given a duplicate of what is at `index`, if that may be
 * a socket. */
void socket_note_shared(lua_State *L, int index);

/* The socket at `arg`, or that of the wrapper there: for methods that wrappers
 * have too. Raises as socket_check_open. */
struct socket *socket_check_within(lua_State *L, int arg, const char *call);

/* Make the metatable on top that of a wrapper: of userdata whose first user
 * value is a socket, in whose place they may be given. */
void socket_mark_wrapper(lua_State *L);

#endif
