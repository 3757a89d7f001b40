/*
 * transfer: what the calls that send or receive bytes share: flags, sizes, how
 * an attempt is repeated.
 */
#ifndef SOCKEYE_SOCKET_TRANSFER_H
#define SOCKEYE_SOCKET_TRANSFER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <lua.h>

#include "base/names.h"
#include "base/size.h"
#include "socket/socket.h"

#define STACK_BUFFER \
    65536 /* bytes received on the C stack: as many as are usual */

extern const struct names transfer_flag_names;

/* The number of bytes to receive: the integer at `arg`, else argument error. */
static inline size_t transfer_size(lua_State *L, int arg)
{
    int is_integer;
    lua_Integer size = lua_tointegerx(L, arg, &is_integer);

    if (!is_integer)
        luaL_checkinteger(L, arg);
    luaL_argcheck(L, size >= 0, arg, "size must not be negative");
    return size_of_integer(size);
}

/* The bytes to send: the string at `arg`, else argument error. */
static inline const char *transfer_check_data(lua_State *L, int arg,
                                              size_t *size)
{
    const char *data = lua_tolstring(L, arg, size);

    return data != NULL ? data : luaL_checklstring(L, arg, size);
}

/* As wait_again, after an attempt to send to a destination, or to the peer.
 * Nothing reports that a Unix socket to which this one is not connected has
 * become writable: the call is repeated after a pause. */
bool transfer_again(lua_State *L, const struct socket *s, struct wait *w,
                    bool has_destination);

/* Begin a call that receives. Returns the flags to receive with: the caller's
 * `flags`; MSG_DONTWAIT where the call may not block, as with the error queue,
 * which never waits; MSG_TRUNC except on a stream, to learn the length of a
 * datagram (on a stream it would discard the data). */
static inline int transfer_start_receiving(lua_State *L, struct wait *w,
                                           const struct call *call,
                                           struct socket *s, int flags,
                                           lua_KContext context)
{
    if (flags & MSG_ERRQUEUE)
        flags |= MSG_DONTWAIT;
    flags |= wait_start(L, w, call, &s->handle, flags, context);
    return s->type == SOCK_STREAM ? flags : flags | MSG_TRUNC;
}

/* As wait_again, after an attempt to receive `size` bytes. Large scratch memory
 * is returned first, so that a call that waits holds none. */
bool transfer_receive_again(lua_State *L, struct wait *w, size_t size);

/* Whether `length` bytes, of the `size` that the caller wants with these flags,
 * do not yet satisfy MSG_WAITALL. */
static inline bool transfer_is_short(const struct socket *s, int flags,
                                     size_t length, size_t size)
{
    int all = MSG_WAITALL | MSG_PEEK | MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE;

    return (flags & all) == MSG_WAITALL && s->type == SOCK_STREAM &&
           length > 0 && length < size;
}

/* Whether a read that returns less than was asked for has emptied the socket,
 * but for what descriptor_read_unix reports. Streams of SCTP have messages. */
static inline bool transfer_gives_all(const struct socket *s)
{
    return s->type == SOCK_STREAM &&
           (s->protocol == 0 || s->protocol == IPPROTO_TCP);
}

/* Whether MSG_TRUNC discards the bytes that it counts: only TCP's does. */
static inline bool transfer_discards(const struct socket *s, int flags)
{
    return (flags & MSG_TRUNC) && !(flags & MSG_ERRQUEUE) &&
           s->type == SOCK_STREAM && s->family != AF_UNIX;
}

/* Whether receiving nothing means the end, and not an empty message. */
static inline bool transfer_ends(const struct socket *s)
{
    return s->type != SOCK_DGRAM && s->type != SOCK_RAW;
}

#endif
