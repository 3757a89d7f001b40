/*
 * transfer: what all calls that send or receive share: flags, sizes, and how a
 * failed attempt is repeated.
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

/* Up to so many bytes are received on the C stack, which some threads have
 * little of: 128 KiB is musl's default. */
#define STACK_BUFFER 16384

extern const struct names transfer_flag_names;

/* The flags of a call that sends, at `arg`. An integer that is no combination of
 * them, such as a position in the data, which LuaSocket takes there, is an
 * argument error. */
int transfer_check_sending_flags(lua_State *L, int arg);

static inline int transfer_sending_flags(lua_State *L, int arg)
{
    return lua_gettop(L) < arg ? 0 : transfer_check_sending_flags(L, arg);
}

/* The same, of the field `flags` of the table at `arg`. */
int transfer_field_sending_flags(lua_State *L, int arg);

/* Read the flags of a call that receives, at `index`. Where they are none, or an
 * integer with bits that are no flags, push what is wrong and return false. */
bool transfer_read_receiving_flags(lua_State *L, int index, int *flags);

/* The same, at `arg`; raises an argument error. */
int transfer_check_receiving_flags(lua_State *L, int arg);

static inline int transfer_receiving_flags(lua_State *L, int arg)
{
    return lua_gettop(L) < arg ? 0 : transfer_check_receiving_flags(L, arg);
}

/* The number of bytes to receive, at `arg`. Raises an argument error if it is
 * no integer, or negative. */
static inline size_t transfer_size(lua_State *L, int arg)
{
    int is_integer;
    lua_Integer size = lua_tointegerx(L, arg, &is_integer);

    if (!is_integer && lua_type(L, arg) != LUA_TNUMBER)
        luaL_typeerror(L, arg, "number of bytes");
    if (!is_integer)
        luaL_checkinteger(L, arg);
    luaL_argcheck(L, size >= 0, arg, "size must not be negative");
    return size_of_integer(size);
}

/* The bytes to send, the string at `arg`. Raises an argument error if it is
 * none. */
static inline const char *transfer_check_data(lua_State *L, int arg,
                                              size_t *size)
{
    const char *data = lua_tolstring(L, arg, size);

    return data != NULL ? data : luaL_checklstring(L, arg, size);
}

/* Like wait_again, for a failed attempt to send to a destination or the peer.
 * No event reports that a Unix socket to which this one is not connected can
 * receive again: then the call is repeated after a pause. */
bool transfer_again(lua_State *L, const struct socket *s, struct wait *w,
                    bool has_destination);

/* Whether the socket's family refuses MSG_TRUNC to receive with: RxRPC does, and
 * J1939, which differs from other protocols of CAN by its number alone, where
 * that is known. */
#ifdef __linux__
static inline bool transfer_refuses_trunc(const struct socket *s)
{
    const int j1939 = 7;

    return s->family == AF_RXRPC ||
           (s->family == AF_CAN && (s->protocol == j1939 || s->protocol == 0));
}
#else
static inline bool transfer_refuses_trunc(const struct socket *s)
{
    (void)s;
    return false;
}
#endif

/* Begin a call that receives. Returns the flags to receive with: the caller's
 * `flags`; MSG_DONTWAIT if the call must not block, or reads the error queue,
 * which never waits; MSG_TRUNC except on a stream, to learn the length of a
 * datagram (on a stream it would discard the data), and except where it is
 * refused: there the length is that of what was received. */
static inline int transfer_start_receiving(lua_State *L, struct wait *w,
                                           const struct call *call,
                                           struct socket *s, int flags,
                                           lua_KContext context)
{
    if (flags & MSG_ERRQUEUE)
        flags |= MSG_DONTWAIT;
    flags |= wait_start(L, w, call, &s->handle, flags, context);
    if (s->type == SOCK_STREAM && !(flags & MSG_TRUNC))
        return flags;
    socket_refresh(s);
    return s->type == SOCK_STREAM || transfer_refuses_trunc(s)
               ? flags
               : flags | MSG_TRUNC;
}

/* Return zero where poll(2) reports that reading was shut down, or that the peer
 * has; otherwise EAGAIN, or why poll(2) has failed. */
int transfer_test_shut(int fd);

/* Like wait_again, for a failed attempt to receive. A datagram socket that reads
 * no more gives nothing, at once, to a call that may block; to one that may not,
 * it reports EAGAIN for ever. Where a call has waited in vain for that, this
 * clears MSG_DONTWAIT in `*flags`. */
bool transfer_reads_again(lua_State *L, const struct socket *s, struct wait *w,
                          int *flags);

/* Like that, for an attempt to receive `size` bytes. It first returns large
 * scratch memory, so that a waiting call holds none. */
bool transfer_receive_again(lua_State *L, const struct socket *s,
                            struct wait *w, size_t size, int *flags);

/* Whether `flags` has MSG_WAITALL and `length` bytes, of the `size` that the
 * caller wants, do not satisfy it yet. */
static inline bool transfer_is_short(const struct socket *s, int flags,
                                     size_t length, size_t size)
{
    int all = MSG_WAITALL | MSG_PEEK | MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE;

    return (flags & all) == MSG_WAITALL && s->type == SOCK_STREAM &&
           length > 0 && length < size;
}

/* Whether a read that returns less than was asked for has emptied the socket.
 * Unix streams may end a read early, which descriptor_read_unix reports; SCTP's
 * streams end it with each message. */
static inline bool transfer_gives_all(const struct socket *s)
{
    return s->type == SOCK_STREAM &&
           (s->protocol == 0 || s->protocol == IPPROTO_TCP);
}

/* Whether the kernel may have counted bytes without copying them: MSG_TRUNC
 * makes TCP discard them. `flags` are the caller's. A number behind which there
 * has been another socket since the call began may be TCP's. */
static inline bool transfer_discards(const struct socket *s, int flags)
{
    bool is_stream = s->type == SOCK_STREAM;

    if (is_stream && !(flags & MSG_TRUNC))
        return false;
    if (flags & MSG_ERRQUEUE)
        return false;
    return (is_stream && s->family != AF_UNIX) || !socket_is_current(s);
}

/* Whether receiving nothing means the end, and not an empty message. */
static inline bool transfer_ends(const struct socket *s)
{
    return s->type != SOCK_DGRAM && s->type != SOCK_RAW;
}

#endif
