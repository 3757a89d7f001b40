/*
 * transfer: send, recv, sendto, recvfrom, sendall, read, write, sockatmark.
 *
 * Follows send(2), recv(2), read(2), write(2), sockatmark(3). SIGPIPE is never
 * delivered. The end of a stream is nil, an empty datagram is "", and false
 * says that a call which must not wait would have to. Functions named socket_*
 * are methods of a socket.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "buffer.h"
#include "error.h"
#include "sockaddr.h"
#include "socket.h"
#include "transfer.h"

#define SMALL 8192 /* bytes received on the C stack */
#define IOV_BATCH 64

/* clang-format off */
static const struct name flag_rows[] = {
    {"oob", MSG_OOB}, {"peek", MSG_PEEK}, {"dontroute", MSG_DONTROUTE},
    {"ctrunc", MSG_CTRUNC}, {"trunc", MSG_TRUNC}, {"dontwait", MSG_DONTWAIT},
    {"eor", MSG_EOR}, {"waitall", MSG_WAITALL}, {"nosignal", MSG_NOSIGNAL},
#ifdef MSG_CONFIRM
    {"confirm", MSG_CONFIRM},
#endif
#ifdef MSG_ERRQUEUE
    {"errqueue", MSG_ERRQUEUE},
#endif
#ifdef MSG_MORE
    {"more", MSG_MORE},
#endif
#ifdef MSG_FASTOPEN
    {"fastopen", MSG_FASTOPEN},
#endif
    {NULL, 0},
};
/* clang-format on */

static const struct names flag_names = {"flag", {"MSG_", NULL}, flag_rows};

/* Whether nothing received means the end, and not an empty message. */
static bool is_stream(const struct socket *s)
{
    return s->type != SOCK_DGRAM && s->type != SOCK_RAW;
}

/* ---- receiving ---- */

/* What is asked of the kernel, and its answer. */
struct receipt {
    int wanted;  /* the caller's flags */
    int flags;   /* all of them */
    size_t size; /* how much was asked for, or could be had */
    char *buffer;
    ssize_t length; /* of the message: more than size where it was cut */
};

struct sender {
    struct sockaddr_storage name;
    socklen_t length;
};

static size_t check_size(lua_State *L, int arg)
{
    int is_integer;
    lua_Integer size = lua_tointegerx(L, arg, &is_integer);

    if (!is_integer)
        luaL_checkinteger(L, arg);
    luaL_argcheck(L, size >= 0, arg, "size must not be negative");
    return (size_t)size;
}

/* Urgent data is announced by POLLPRI, and the error queue never waits.
 * MSG_TRUNC tells the length of a datagram; on a stream it would discard. */
static inline void start_receiving(struct receipt *r, struct wait *w,
                                   struct socket *s, int wanted)
{
    short events = wanted & MSG_OOB ? POLLPRI : POLLIN;

    r->wanted = wanted;
    if (wanted & MSG_ERRQUEUE)
        wanted |= MSG_DONTWAIT;
    r->flags = wanted | wait_start(w, &s->handle, events, wanted);
    if (s->type != SOCK_STREAM)
        r->flags |= MSG_TRUNC;
}

/* One attempt; `from` may be NULL. */
static ssize_t receive_once(const struct socket *s, const struct receipt *r,
                            struct sender *from)
{
    if (from == NULL)
        return recv(s->handle.fd, r->buffer, r->size, r->flags);
    from->length = sizeof from->name;
    return recvfrom(s->handle.fd, r->buffer, r->size, r->flags,
                    (struct sockaddr *)&from->name, &from->length);
}

/* Receive into `small` or into scratch memory. False: `w` says why not. */
static bool receive(lua_State *L, struct socket *s, struct wait *w,
                    struct receipt *r, char *small, struct sender *from)
{
    do {
        r->buffer = r->size <= SMALL ? small : scratch_take(L, &r->size);
        r->length = receive_once(s, r, from);
    } while (r->length == -1 && wait_again(L, w));
    if (r->length == -1 && r->size > SMALL)
        scratch_release(L);
    return r->length != -1;
}

/* Whether MSG_TRUNC has discarded what it counts: TCP's alone does. */
static bool is_discarded(const struct socket *s, const struct receipt *r)
{
    return (r->wanted & MSG_TRUNC) && s->type == SOCK_STREAM &&
           s->family != AF_UNIX;
}

/* Push the data, where it is in the buffer. */
static void push_data(lua_State *L, const struct socket *s,
                      const struct receipt *r)
{
    size_t length = (size_t)r->length;

    if (length > r->size)
        length = r->size;
    if (length == 0 && r->size > 0 && is_stream(s))
        lua_pushnil(L);
    else if (is_discarded(s, r))
        lua_pushliteral(L, "");
    else
        lua_pushlstring(L, r->buffer, length);
    if (r->size > SMALL)
        scratch_release(L);
}

/* Push the length of a message that was cut, or whose length was asked for;
 * how many values were pushed. */
static int push_full_length(lua_State *L, const struct receipt *r)
{
    if ((size_t)r->length <= r->size && !(r->wanted & MSG_TRUNC))
        return 0;
    lua_pushinteger(L, r->length);
    return 1;
}

/* MSG_WAITALL, when some has come and the rest is still to come; the kernel
 * gives up at a signal, and does not wait at all where it may not block. A
 * collector's step may receive into scratch memory: what is there is copied
 * before the first. */
static void push_all(lua_State *L, struct socket *s, struct wait *w,
                     const struct receipt *r, const char *call)
{
    size_t wanted = check_size(L, 2);
    struct gather *g;
    ssize_t n;

    push_data(L, s, r);
    gather_new(L, lua_tostring(L, -1), (size_t)r->length, wanted);
    do {
        g = gather_room(L, wanted);
        n = recv(s->handle.fd, g->bytes + g->used, g->size - g->used, r->flags);
        if (n > 0)
            g->used += (size_t)n;
    } while (n == -1 ? wait_again(L, w) : n > 0 && g->used < wanted);
    gather_push(L);
    if (n == -1 && w->outcome != WAIT_WOULD_BLOCK) {
        wait_push_error(L, w, call, 0);
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "partial");
        lua_error(L);
    }
}

/* Whether MSG_WAITALL has not yet been satisfied. Less may have been asked of
 * the kernel than of us. */
static bool is_short(lua_State *L, const struct socket *s,
                     const struct receipt *r)
{
    int flags = r->wanted & (MSG_WAITALL | MSG_PEEK | MSG_TRUNC | MSG_OOB);

    return flags == MSG_WAITALL && s->type == SOCK_STREAM && r->length > 0 &&
           (size_t)r->length < check_size(L, 2);
}

/* Push the first result of recv and recvfrom. */
static inline void push_received(lua_State *L, struct socket *s, struct wait *w,
                                 const struct receipt *r, const char *call)
{
    if (is_short(L, s, r))
        push_all(L, s, w, r, call);
    else
        push_data(L, s, r);
}

/*** Receive from the socket (recv(2)): one call, which waits until there is
something.
@function Socket:recv
@int n how many bytes at most; no more memory is taken than arrives
@param[opt] flags names in a string, as `"peek dontwait"`, or an integer:
`oob`, `peek`, `waitall` (all of the `n` bytes, unless the stream ends before),
`trunc`, `dontwait`, `errqueue`
@treturn ?string the data; `""` for an empty datagram; nil at the end of a
stream (of a seqpacket socket also for an empty message: the system does not
tell them apart); `false` where it would have to wait and must not
@treturn ?int the length of the datagram, where it was longer than `n` and has
been cut, or with `trunc`
@raise ECONNRESET, ENOTCONN, ECONNREFUSED, …; ETIMEDOUT with `timeout`; with
`waitall` what has come so far is in the error's `partial`
@usage local data = s:recv(4096)
*/
static int socket_recv(lua_State *L)
{
    struct socket *s = check_open(L, 1, "recv");
    struct receipt r;
    struct wait w;
    char small[SMALL];

    r.size = check_size(L, 2);
    start_receiving(&r, &w, s, names_flags(L, 3, &flag_names));
    if (!receive(L, s, &w, &r, small, NULL))
        return wait_failed(L, &w, "recv", 0);
    push_received(L, s, &w, &r, "recv");
    return 1 + push_full_length(L, &r);
}

/*** Receive, and tell from whom (recvfrom(2)).
@function Socket:recvfrom
@int n how many bytes at most
@param[opt] flags as for `recv`
@treturn ?string as for `recv`
@treturn ?Address the sender's; nil on a connected stream, which has no other
@treturn ?int as the second result of `recv`
@raise as `recv`
@usage local data, from = s:recvfrom(65535)
*/
static int socket_recvfrom(lua_State *L)
{
    struct socket *s = check_open(L, 1, "recvfrom");
    struct receipt r;
    struct sender from;
    struct wait w;
    char small[SMALL];

    r.size = check_size(L, 2);
    start_receiving(&r, &w, s, names_flags(L, 3, &flag_names));
    if (!receive(L, s, &w, &r, small, &from))
        return wait_failed(L, &w, "recvfrom", 0);
    push_received(L, s, &w, &r, "recvfrom");
    if (from.length > 0)
        address_push(L, (struct sockaddr *)&from.name, from.length);
    else
        lua_pushnil(L);
    return 2 + push_full_length(L, &r);
}

/* ---- sending ---- */

static const char *check_data(lua_State *L, int arg, size_t *size)
{
    const char *data = lua_tolstring(L, arg, size);

    return data != NULL ? data : luaL_checklstring(L, arg, size);
}

/*** Send to the peer (send(2)): one call, which may take less than all.
@function Socket:send
@string data any bytes
@param[opt] flags names in a string, or an integer: `oob`, `more`, `dontwait`,
`eor`, `dontroute`, `confirm`
@treturn int how many bytes were taken; `false` where it would have to wait and
must not
@raise EPIPE, ECONNRESET, EMSGSIZE, ECONNREFUSED, …; ETIMEDOUT with `timeout`
*/
static int socket_send(lua_State *L)
{
    struct socket *s = check_open(L, 1, "send");
    size_t size;
    const char *data = check_data(L, 2, &size);
    int flags = names_flags(L, 3, &flag_names);
    struct wait w;
    ssize_t n;

    flags |= wait_start(&w, &s->handle, POLLOUT, flags) | MSG_NOSIGNAL;
    do
        n = send(s->handle.fd, data, size, flags);
    while (n == -1 && wait_again(L, &w));
    if (n == -1)
        return wait_failed(L, &w, "send", 0);
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
    struct socket *s = check_open(L, 1, "sendto");
    size_t size;
    const char *data = check_data(L, 2, &size);
    const struct address *to =
        lua_isnoneornil(L, 3) ? NULL : address_check(L, 3);
    int flags = names_flags(L, 4, &flag_names);
    struct wait w;
    ssize_t n;

    flags |= wait_start(&w, &s->handle, POLLOUT, flags) | MSG_NOSIGNAL;
    do
        n = sendto(s->handle.fd, data, size, flags, to ? &to->any : NULL,
                   to ? to->length : 0);
    while (n == -1 && wait_again(L, &w));
    if (n == -1)
        return wait_failed(L, &w, "sendto", to ? 3 : 0);
    lua_pushinteger(L, n);
    return 1;
}

/* How far sendall has come in its arguments, `arg` to `last`. */
struct progress {
    int arg;
    int last;
    size_t offset; /* bytes of `arg` that are sent */
    size_t sent;   /* bytes in all */
};

/* Point `iov` to what is still to be sent; the number of entries. */
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

/* `iov`, of `count` entries, began at the place of `p`. */
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

/* Send until everything is sent. False: `w` says why. */
static bool send_rest(lua_State *L, struct socket *s, struct wait *w,
                      struct progress *p)
{
    int flags = wait_start(w, &s->handle, POLLOUT, 0) | MSG_NOSIGNAL;
    struct iovec iov[IOV_BATCH];
    ssize_t n;

    do {
        struct msghdr message = {
            .msg_iov = iov,
            .msg_iovlen = fill_iov(L, p, iov),
        };

        n = sendmsg(s->handle.fd, &message, flags);
        if (n != -1)
            advance(p, iov, message.msg_iovlen, (size_t)n);
    } while (n == -1 ? wait_again(L, w) : p->arg <= p->last);
    return n != -1;
}

/*** Send everything, going on for as long as it takes (sendmsg(2)).
Several strings are gathered, not joined. On a datagram socket they are one
datagram.
@function Socket:sendall
@string data any bytes
@param ... more strings
@treturn int how many bytes were sent: all
@return `false` and the number of bytes sent, where the rest would have to wait
and must not
@raise as `send`; the error's `sent` is the number of bytes sent before
@usage s:sendall("HTTP/1.0 200 OK\r\n\r\n", body)
*/
static int socket_sendall(lua_State *L)
{
    struct socket *s = check_open(L, 1, "sendall");
    struct progress p = {.arg = 2, .last = lua_gettop(L)};
    struct wait w;

    luaL_checkstring(L, 2);
    for (int arg = 3; arg <= p.last; arg++)
        luaL_checkstring(L, arg);
    if (s->type != SOCK_STREAM) {
        lua_concat(L, p.last - 1);
        p.last = 2;
    }
    if (send_rest(L, s, &w, &p)) {
        lua_pushinteger(L, (lua_Integer)p.sent);
        return 1;
    }
    if (w.outcome == WAIT_WOULD_BLOCK) {
        lua_pushboolean(L, false);
        lua_pushinteger(L, (lua_Integer)p.sent);
        return 2;
    }
    wait_push_error(L, &w, "sendall", 0);
    lua_pushinteger(L, (lua_Integer)p.sent);
    lua_setfield(L, -2, "sent");
    return lua_error(L);
}

/* ---- read and write: any descriptor ---- */

/* A descriptor that is no socket knows no MSG_DONTWAIT: where it may not
 * block, wait before the call. False: `w` says why not. */
static bool await_turn(lua_State *L, const struct socket *s, struct wait *w)
{
    return s->type != 0 || wait_blocks(w->handle) || wait_ready(L, w);
}

static ssize_t read_once(const struct socket *s, char *buffer, size_t size,
                         int flags)
{
    if (s->type != 0 && flags != 0)
        return recv(s->handle.fd, buffer, size, flags);
    return read(s->handle.fd, buffer, size);
}

/*** Read from the socket, or from any descriptor that was adopted (read(2)).
@function Socket:read
@int n how many bytes at most
@treturn ?string the data; nil at the end; `false` where it would have to wait
and must not
@raise as `recv`
*/
static int socket_read(lua_State *L)
{
    struct socket *s = check_open(L, 1, "read");
    size_t size = check_size(L, 2);
    struct wait w;
    int flags = wait_start(&w, &s->handle, POLLIN, 0);
    char small[SMALL];
    char *buffer;
    ssize_t n = -1;

    do {
        if (!await_turn(L, s, &w))
            break;
        buffer = size <= SMALL ? small : scratch_take(L, &size);
        n = read_once(s, buffer, size, flags);
    } while (n == -1 && wait_again(L, &w));
    if (n == -1 && size > SMALL)
        scratch_release(L);
    if (n == -1)
        return wait_failed(L, &w, "read", 0);
    if (n == 0 && size > 0 && is_stream(s))
        lua_pushnil(L);
    else
        lua_pushlstring(L, buffer, (size_t)n);
    if (size > SMALL)
        scratch_release(L);
    return 1;
}

/* write(2) to a pipe without readers, without the signal that it would send:
 * SIGPIPE is blocked for this thread, and taken back if it came; it comes also
 * where a part was written before the last reader went. */
static ssize_t write_quietly(int fd, const char *data, size_t size)
{
    const struct timespec at_once = {0, 0};
    sigset_t pipe_signal, before, pending;
    bool may_signal;
    ssize_t n;
    int error;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    n = write(fd, data, size);
    error = errno;
    may_signal = n == -1 ? error == EPIPE : (size_t)n < size;
    if (may_signal && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_signal, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

/* A pipe that poll(2) found ready takes PIPE_BUF bytes without blocking. */
static ssize_t write_once(const struct socket *s, const char *data, size_t size,
                          int flags)
{
    if (s->type != 0)
        return send(s->handle.fd, data, size, flags | MSG_NOSIGNAL);
    if (flags != 0 && size > PIPE_BUF)
        size = PIPE_BUF;
    return write_quietly(s->handle.fd, data, size);
}

/*** Write to the socket, or to any descriptor that was adopted (write(2)).
@function Socket:write
@string data any bytes
@treturn int how many bytes were taken; `false` where it would have to wait and
must not
@raise as `send`
*/
static int socket_write(lua_State *L)
{
    struct socket *s = check_open(L, 1, "write");
    size_t size;
    const char *data = check_data(L, 2, &size);
    struct wait w;
    int flags = wait_start(&w, &s->handle, POLLOUT, 0);
    ssize_t n = -1;

    do {
        if (!await_turn(L, s, &w))
            break;
        n = write_once(s, data, size, flags);
    } while (n == -1 && wait_again(L, &w));
    if (n == -1)
        return wait_failed(L, &w, "write", 0);
    lua_pushinteger(L, n);
    return 1;
}

/*** Whether the next byte to be received is the urgent one (sockatmark(3)).
@function Socket:sockatmark
@treturn boolean
@raise ENOTTY or EINVAL on a socket that has no urgent data
*/
static int socket_sockatmark(lua_State *L)
{
    struct socket *s = check_open(L, 1, "sockatmark");
    int at_mark = 0;

    /* What sockatmark(3) does with a variable that it leaves unset, which
     * valgrind minds. */
    if (ioctl(s->handle.fd, SIOCATMARK, &at_mark) == -1)
        return raise_errno(L, "sockatmark", errno, 0);
    lua_pushboolean(L, at_mark);
    return 1;
}

void open_transfer(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"read", socket_read},
        {"recv", socket_recv},
        {"recvfrom", socket_recvfrom},
        {"send", socket_send},
        {"sendall", socket_sendall},
        {"sendto", socket_sendto},
        {"sockatmark", socket_sockatmark},
        {"write", socket_write},
        {NULL, NULL},
    };

    open_buffer(L);
    names_export(L, &flag_names);
    add_socket_methods(L, methods);
}
