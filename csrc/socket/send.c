/*
 * send: the methods send, sendto and sendall of a socket.
 *
 * Follows send(2) and sendmsg(2). SIGPIPE is never delivered. Functions named
 * socket_* are methods of a socket.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "address/address.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/field.h"
#include "base/nosignal.h"
#include "open.h"
#include "socket/socket.h"
#include "socket/transfer.h"
#include "socket/zerocopy.h"

#define IOV_BATCH 64

/* Send the string at index 2 once, to `to` or, if that is NULL, to the peer. */
static ssize_t send_string(lua_State *L, struct socket *s, const char *data,
                           size_t size, const struct address *to, int flags)
{
    struct iovec iov = {(char *)data, size};
    struct msghdr message = {
        .msg_name = to ? (void *)&to->any : NULL,
        .msg_namelen = to ? to->length : 0,
        .msg_iov = &iov,
        .msg_iovlen = 1,
    };

    if (zerocopy_is_wanted(flags))
        return zerocopy_send(L, s, 2, &message, flags);
    return nosignal_sendto(s->handle.fd, data, size, flags,
                           to ? &to->any : NULL, to ? to->length : 0);
}

static int send_step(lua_State *L, int status, lua_KContext context);

/* `error` is the errno of a first attempt; 0: none was made. */
static int send_on(lua_State *L, lua_KContext context, int error)
{
    static const struct call call = {"send", POLLOUT, send_step};
    struct socket *s = socket_check_waiting(L, 1, "send", context);
    size_t size;
    const char *data = transfer_check_data(L, 2, &size);
    int flags = transfer_sending_flags(L, 3);
    struct wait w;
    ssize_t n = -1;

    flags |= wait_start(L, &w, &call, &s->handle, flags, context);
    if (error == 0 || nosignal_is_refused(s->handle.fd, error))
        n = send_string(L, s, data, size, NULL, flags);
    else
        errno = error;
    while (n == -1 && wait_again(L, &w))
        n = send_string(L, s, data, size, NULL, flags);
    if (n == -1)
        return wait_failed(L, &w, 0);
    lua_pushinteger(L, n);
    return 1;
}

static int send_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return send_on(L, context, 0);
}

/*** Send to the peer (send(2)).
One call, which may send less than all.
@function Socket:send
@string data any bytes
@param[opt] flags names in a string, or an integer: `oob`, `more`, `dontwait`,
`eor`, `dontroute`, `confirm`, `zerocopy` (see `Socket:zerocopy_wait`)
@treturn int how many bytes were sent; `false` if it would have to wait in
non-blocking mode
@raise EPIPE, ECONNRESET, EMSGSIZE, ECONNREFUSED, …; ETIMEDOUT with `timeout`
*/
FAST_PATH static int socket_send(lua_State *L)
{
    const struct socket *s = fast_path_socket(L, 2);
    size_t size;
    const char *data = s != NULL ? lua_tolstring(L, 2, &size) : NULL;
    ssize_t n;

    if (data == NULL)
        return send_on(L, WAIT_FIRST, 0);
    n = send(s->handle.fd, data, size, MSG_NOSIGNAL);
    if (n == -1)
        return send_on(L, WAIT_FIRST, errno);
    lua_pushinteger(L, n);
    return 1;
}

static int sendto_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"sendto", POLLOUT, sendto_step};
    struct socket *s = socket_check_waiting(L, 1, "sendto", context);
    size_t size;
    const char *data = transfer_check_data(L, 2, &size);
    const struct address *to =
        lua_isnoneornil(L, 3) ? NULL : address_check(L, 3);
    int flags = transfer_sending_flags(L, 4);
    struct wait w;
    ssize_t n;

    (void)status;
    flags |= wait_start(L, &w, &call, &s->handle, flags, context);
    do
        n = send_string(L, s, data, size, to, flags);
    while (n == -1 && transfer_again(L, s, &w, to != NULL));
    if (n == -1)
        return wait_failed(L, &w, to ? 3 : 0);
    lua_pushinteger(L, n);
    return 1;
}

/*** Send to an address (sendto(2)).
@function Socket:sendto
@string data any bytes
@param address an `Address`, or a string as `sockeye.address` takes it; nil: the
peer to which the socket is connected
@param[opt] flags as for `send`
@treturn int as `send`
@raise as `send`, with the address
@usage s:sendto("hello", "127.0.0.1:9999")
*/
static int socket_sendto(lua_State *L)
{
    return sendto_step(L, LUA_OK, WAIT_FIRST);
}

/* How far sendall has got in its arguments, which end at `last`. */
struct progress {
    int arg;
    int last;
    int flags;
    size_t offset; /* bytes of the string at `arg` that are sent */
    uint64_t sent; /* bytes sent in all */
};

/* Point `iov` to what is still to be sent. Returns the number of entries. */
static size_t fill_iov(lua_State *L, const struct progress *p,
                       struct iovec iov[IOV_BATCH])
{
    size_t offset = p->offset;
    size_t count = 0;

    for (int arg = p->arg; arg <= p->last && count < IOV_BATCH; arg++) {
        size_t size;
        const char *data = lua_tolstring(L, arg, &size);

        iov[count].iov_base = (char *)data + offset;
        iov[count].iov_len = size - offset;
        offset = 0;
        count++;
    }
    return count;
}

/* Advance `p` by `sent` bytes of the `count` entries of `iov`, which begin at
 * p. */
static void advance(struct progress *p, const struct iovec *iov, size_t count,
                    size_t sent)
{
    p->sent += sent;
    for (; count > 0 && sent >= iov->iov_len; iov++, count--) {
        sent -= iov->iov_len;
        p->arg++;
        p->offset = 0;
    }
    p->offset += sent;
}

/* Set `p` to what was sent before the task had to wait. */
static void skip_sent(lua_State *L, struct progress *p, uint64_t sent)
{
    p->sent = sent;
    for (size_t size; p->arg <= p->last; p->arg++, sent -= size) {
        lua_tolstring(L, p->arg, &size);
        if (sent < size)
            break;
    }
    p->offset = (size_t)sent;
}

/* Send once: a single string with send(2), which is faster than sendmsg(2).
 * With zerocopy only the first string, at `arg`, so that it is anchored by
 * itself. */
static ssize_t send_gathered(lua_State *L, struct socket *s, int arg,
                             struct iovec *iov, size_t count, int flags)
{
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (int)count};

    if (zerocopy_is_wanted(flags)) {
        message.msg_iovlen = 1;
        return zerocopy_send(L, s, arg, &message, flags);
    }
    if (count == 1)
        return nosignal_send(s->handle.fd, iov->iov_base, iov->iov_len, flags);
    return nosignal_sendmsg(s->handle.fd, &message, flags);
}

static int sendall_step(lua_State *L, int status, lua_KContext context);

static const struct call sendall_call = {"sendall", POLLOUT, sendall_step};

/* After an attempt that sent `n` bytes, or failed: whether to make another. */
static bool sends_on(lua_State *L, struct wait *w, const struct progress *p,
                     ssize_t n)
{
    if (n == -1)
        return wait_again(L, w);
    return p->arg <= p->last && wait_go_on(L, w, (size_t)n);
}

/* Send until everything is sent. False: it is not; `w` says why. */
static bool send_rest(lua_State *L, struct socket *s, struct wait *w,
                      struct progress *p, lua_KContext context)
{
    int flags = p->flags |
                wait_start(L, w, &sendall_call, &s->handle, p->flags, context);
    struct iovec iov[IOV_BATCH];
    ssize_t n;

    if (w->progress > 0)
        skip_sent(L, p, w->progress);
    do {
        size_t count = fill_iov(L, p, iov);

        n = send_gathered(L, s, p->arg, iov, count, flags);
        if (n != -1)
            advance(p, iov, count, (size_t)n);
        w->progress = p->sent;
    } while (sends_on(L, w, p, n));
    return p->arg > p->last;
}

/* The call's progress is the number of bytes sent. A number above the strings
 * on the stack is the flags. */
static int send_all(lua_State *L, struct socket *s, lua_KContext context)
{
    struct progress p = {.arg = 2, .last = lua_gettop(L)};
    struct wait w;

    if (lua_type(L, p.last) == LUA_TNUMBER)
        p.flags = (int)lua_tointeger(L, p.last--);
    if (send_rest(L, s, &w, &p, context)) {
        lua_pushinteger(L, (lua_Integer)p.sent);
        return 1;
    }
    if (w.outcome == WAIT_WOULD_BLOCK) {
        lua_pushboolean(L, false);
        lua_pushinteger(L, (lua_Integer)p.sent);
        return 2;
    }
    wait_push_error(L, &w, 0);
    field_set_integer(L, "sent", (lua_Integer)p.sent);
    return lua_error(L);
}

static int sendall_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return send_all(L, socket_check_waiting(L, 1, "sendall", context), context);
}

static int sendall_flags(lua_State *L, int arg)
{
    static const char *const fields[] = {"flags", NULL};

    check_fields(L, arg, fields);
    if (lua_getfield(L, arg, "flags") == LUA_TNIL)
        field_argerror(L, arg, "flags", "is missing");
    return transfer_field_sending_flags(L, arg);
}

/*** Send everything, in as many calls as it takes (sendmsg(2)).
Several strings are gathered by the kernel, not joined in memory. On a datagram
socket they form one datagram.
@function Socket:sendall
@string data any bytes
@param ... more strings, and optionally a table at the end with `flags`: as for
`send`, such as `zerocopy`
@treturn int how many bytes were sent: all
@return `false` and the number of bytes sent, if the rest would have to wait in
non-blocking mode
@raise as `send`; the error's `sent` is the number of bytes sent before
@usage s:sendall("HTTP/1.0 200 OK\r\n\r\n", body)
s:sendall(image, {flags = "zerocopy"})
*/
static int socket_sendall(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "sendall");
    int last = lua_gettop(L);
    bool has_flags = last > 2 && lua_istable(L, last);
    int flags = has_flags ? sendall_flags(L, last--) : 0;

    luaL_checkstring(L, 2);
    for (int arg = 3; arg <= last; arg++)
        luaL_checkstring(L, arg);
    lua_settop(L, last);
    if (s->type != SOCK_STREAM)
        lua_concat(L, last - 1);
    if (has_flags)
        lua_pushinteger(L, flags);
    return send_all(L, s, 0);
}

void open_send(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"send", socket_send},
        {"sendall", socket_sendall},
        {"sendto", socket_sendto},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
