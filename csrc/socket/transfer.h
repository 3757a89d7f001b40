/*
 * transfer: bytes in and out of a socket: what its two rooms share.
 */
#ifndef SOCKEYE_SOCKET_TRANSFER_H
#define SOCKEYE_SOCKET_TRANSFER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <lua.h>

#include "base/names.h"
#include "socket/socket.h"

#define STACK_BUFFER \
    65536 /* bytes received on the C stack: as many as are usual */

extern const struct names transfer_flag_names;

/* How much is to be received: the integer at `arg`. */
static inline size_t transfer_size(lua_State *L, int arg)
{
    int is_integer;
    lua_Integer size = lua_tointegerx(L, arg, &is_integer);

    if (!is_integer)
        luaL_checkinteger(L, arg);
    luaL_argcheck(L, size >= 0, arg, "size must not be negative");
    return (size_t)size;
}

/* As wait_again, after an attempt to send that had a destination, or had none.
 * Nothing tells of room in the queue of a Unix socket to which this one is not
 * connected. */
bool transfer_again(lua_State *L, const struct socket *s, struct wait *w,
                    bool has_destination);

/* Whether one call takes all there is, but for what descriptor_read_unix tells.
 * SCTP's streams have messages. */
static inline bool transfer_gives_all(const struct socket *s)
{
    return s->type == SOCK_STREAM &&
           (s->protocol == 0 || s->protocol == IPPROTO_TCP);
}

/* Whether MSG_TRUNC discards what it counts: TCP's alone does. */
static inline bool transfer_discards(const struct socket *s, int flags)
{
    return (flags & MSG_TRUNC) && !(flags & MSG_ERRQUEUE) &&
           s->type == SOCK_STREAM && s->family != AF_UNIX;
}

/* Whether nothing received means the end, and not an empty message. */
bool transfer_ends(const struct socket *s);

/* The methods and the flags, joined to the module table on top. */
void open_transfer(lua_State *L);
void open_receive(lua_State *L);

#endif
