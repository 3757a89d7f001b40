/*
 * sendmsg: the calls sendmsg and recvmsg.
 *
 * Follows send(2), recvmsg(2), cmsg(3). Functions named socket_* are methods of
 * a socket.
 */
#include <errno.h>
#include <poll.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/gather.h"
#include "base/nosignal.h"
#include "base/scratch.h"
#include "message/message.h"
#include "open.h"
#include "socket/transfer.h"
#include "socket/zerocopy.h"

/* ---- sending ---- */

/* Push the string of the outgoing message at index 3, or its strings in a list
 * of their own: finalizers that run meanwhile may change the script's list. */
static void push_strings(lua_State *L, struct outgoing *p)
{
    lua_Integer count = (lua_Integer)p->header.msg_iovlen;

    if (lua_getiuservalue(L, 3, OUTGOING_IOV) != LUA_TTABLE)
        return;
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -2, i);
        lua_rawseti(L, -2, i);
    }
    lua_replace(L, -2);
    message_fill(L, 2, lua_gettop(L), p);
}

/* Make one attempt. May leave a value on the stack. */
static ssize_t send_outgoing(lua_State *L, struct socket *s, struct outgoing *p,
                             int flags)
{
    if (!zerocopy_is_wanted(flags) || p->rights_count > 0)
        return nosignal_sendmsg(s->handle.fd, &p->header,
                                flags & ~FLAG_ZEROCOPY);
    push_strings(L, p);
    return zerocopy_send(L, s, lua_gettop(L), &p->header, flags);
}

static int sendmsg_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"sendmsg", POLLOUT, sendmsg_step};
    struct socket *s = socket_check_waiting(L, 1, call.name, context);
    struct outgoing *p;
    struct wait w;
    int flags;
    ssize_t n;

    (void)status;
    lua_settop(L, 2);
    luaL_checktype(L, 2, LUA_TTABLE);
    flags = transfer_field_sending_flags(L, 2);
    flags |= wait_start(L, &w, &call, &s->handle, flags, context);
    do {
        lua_settop(L, 2);
        p = message_pack(L, s, call.name, 2, 2);
        n = send_outgoing(L, s, p, flags);
    } while (n == -1 && transfer_again(L, s, &w, p->header.msg_name));
    if (n == -1)
        return wait_failed(
            L, &w, lua_getiuservalue(L, 3, OUTGOING_NAME) ? lua_gettop(L) : 0);
    lua_pushinteger(L, n);
    return 1;
}

/*** Send a message: data from several strings, an address and control data
(sendmsg(2), cmsg(3)).
@function Socket:sendmsg
@tab message a table. `iov`: a string or a list of at most 1,024 strings, which
are sent one after another; `name`: the destination, an `Address` or a string,
if the socket has no peer; `control`: a table of control data, see `control`;
`flags`: as for `send`
@treturn int how many bytes of data were taken; `false` if the call would have
to wait but must not
@raise as `send`, with the address; EBADF for a closed socket in `rights`,
EINVAL for control data that this socket does not support, EPERM for credentials
other than the caller's own
@usage s:sendmsg{iov = {"file", "\n"}, control = {rights = {file}}}
*/
static int socket_sendmsg(lua_State *L)
{
    return sendmsg_step(L, LUA_OK, WAIT_FIRST);
}

/* ---- receiving ---- */

enum { SELF = 1, OPTIONS, CONTROL, SCRATCH, MESSAGE };

/* The buffers of one attempt. */
struct receiving {
    struct msghdr header;
    struct iovec iov;
    struct sockaddr_storage name;
    void *control;
    union {
        size_t alignment; /* as struct cmsghdr needs it */
        unsigned char bytes[MESSAGE_CONTROL];
    } small;
};

/* Provide memory for control data: `small`, or a userdata at CONTROL. */
static void prepare(lua_State *L, struct receiving *r,
                    const struct receive_options *wanted)
{
    lua_settop(L, OPTIONS);
    if (wanted->control <= sizeof r->small) {
        r->control = &r->small;
        lua_pushnil(L);
    } else {
        r->control = lua_newuserdatauv(L, wanted->control, 0);
    }
}

static ssize_t receive_once(struct receiving *r, const struct socket *s,
                            const struct receive_options *wanted, void *data,
                            size_t size, int flags)
{
    r->iov = (struct iovec){data, size};
    r->header = (struct msghdr){
        .msg_name = &r->name,
        .msg_namelen = sizeof r->name,
        .msg_iov = &r->iov,
        .msg_iovlen = 1,
        .msg_control = r->control,
        .msg_controllen = (socklen_t)wanted->control,
    };
    return recvmsg(s->handle.fd, &r->header, flags);
}

/* ---- MSG_WAITALL ---- */

/* Return whether MSG_WAITALL stops here. Control data of a Unix socket belongs
 * to the data before it; data after it may come from another sender. */
static bool ends_message(const struct socket *s, const struct receiving *r)
{
    return s->family == AF_UNIX && r->header.msg_controllen > 0;
}

/* Receive more into the gather on top. Returns 0 at the end of the stream; -1
 * on an error or a time-out, which `w` describes. */
static ssize_t receive_more(lua_State *L, struct receiving *r, struct wait *w,
                            struct socket *s,
                            const struct receive_options *wanted, int flags)
{
    struct gather *g;
    ssize_t n;

    do {
        g = gather_space(L, wanted->size);
        n = receive_once(r, s, wanted, g->bytes + g->used, g->size - g->used,
                         flags);
    } while (n == -1 && wait_again(L, w));
    if (n > 0) {
        struct received a = {.socket = s, .header = &r->header};

        g->used += (size_t)n;
        message_add(L, MESSAGE, &a, wanted);
    }
    return n;
}

/* Receive the rest of a message that is not yet complete. The stack holds SELF,
 * OPTIONS, CONTROL, SCRATCH, MESSAGE and the gather. */
static int recvmsg_rest(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recvmsg", POLLIN, recvmsg_rest};
    struct socket *s = socket_check_waiting(L, SELF, call.name, context);
    struct receive_options wanted;
    struct receiving r;
    struct wait w;
    bool ended;
    int flags;
    ssize_t n;

    (void)status;
    message_receive_options(L, OPTIONS, &wanted);
    r.control = lua_isnil(L, CONTROL) ? &r.small : lua_touserdata(L, CONTROL);
    flags = message_start(L, &w, &call, s, wanted.flags, context);
    do {
        n = receive_more(L, &r, &w, s, &wanted, flags);
        ended =
            n <= 0 || ends_message(s, &r) ||
            !transfer_is_short(s, wanted.flags, gather_used(L), wanted.size);
    } while (!ended && wait_go_on(L, &w, (size_t)n));
    gather_push(L);
    message_set_data(L, MESSAGE, OPTIONS, wanted.several);
    lua_settop(L, MESSAGE);
    if ((n == -1 || !ended) && w.outcome != WAIT_WOULD_BLOCK) {
        wait_push_error(L, &w, 0);
        lua_getfield(L, MESSAGE, "data");
        lua_setfield(L, -2, "partial");
        return lua_error(L);
    }
    return 1;
}

/* ---- the call ---- */

static void push_received(lua_State *L, const struct socket *s,
                          const struct receive_options *wanted,
                          struct receiving *r, const char *data, size_t length)
{
    struct received a = {s, &r->header, data, length, wanted->flags};
    bool is_leased = wanted->size > STACK_BUFFER;

    if (is_leased)
        scratch_lease(L);
    else
        lua_pushnil(L);
    if (message_is_end(s, wanted, &r->header, length))
        lua_pushnil(L);
    else
        message_push(L, &a, wanted, OPTIONS);
    if (is_leased)
        scratch_return(L, SCRATCH);
}

static int recvmsg_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recvmsg", POLLIN, recvmsg_step};
    struct socket *s = socket_check_waiting(L, SELF, call.name, context);
    struct receive_options wanted;
    struct receiving r;
    struct wait w;
    char small[STACK_BUFFER];
    const char *begun;
    size_t length;
    char *data;
    int flags;
    ssize_t n;

    (void)status;
    message_receive_options(L, OPTIONS, &wanted);
    prepare(L, &r, &wanted);
    flags = message_start(L, &w, &call, s, wanted.flags, context);
    do {
        data =
            wanted.size <= STACK_BUFFER ? small : scratch_take(L, &wanted.size);
        n = receive_once(&r, s, &wanted, data, wanted.size, flags);
    } while (n == -1 && transfer_receive_again(L, s, &w, wanted.size, &flags));
    if (n == -1)
        return wait_failed(L, &w, 0);
    push_received(L, s, &wanted, &r, data, (size_t)n);
    scratch_release(L, wanted.size);
    if (!transfer_is_short(s, wanted.flags, (size_t)n, wanted.size) ||
        ends_message(s, &r))
        return 1;
    lua_getfield(L, MESSAGE, "data");
    begun = lua_tolstring(L, -1, &length);
    gather_new(L, begun, length, wanted.size);
    lua_replace(L, -2);
    return recvmsg_rest(L, LUA_OK, WAIT_FIRST);
}

/*** Receive a message: data, the sender, control data and flags (recvmsg(2),
cmsg(3)).
@function Socket:recvmsg
@tab options a table. `iov`: how many bytes of data at most, or a list of sizes;
`control`: `true`, or how many bytes of control data at most; none is received
if it is absent; `flags`: as for `recv`, but with `waitall` a Unix socket stops
at control data, which belongs to the data before it; `rights`: `"numbers"`
returns descriptors as integers, which the caller must close, instead of sockets
@treturn ?table a message. `data`: a string; `iov`: if sizes were given, the
same data as a list of strings; `from`: the sender's `Address`, or, from the
error queue, the original destination; `control`: a table of control data, see
`control`; `flags`: a table with `trunc` (the data was cut), `ctrunc` (the
control data was cut: the rest is lost, and the system has closed the
descriptors in it), `eor`, `oob`, `errqueue`, each `true` or absent; `length`:
the length of the whole datagram, if it was cut, or with `trunc`. nil at the end
of a stream; `false` if the call would have to wait but must not, and if the
error queue is empty
@raise as `recv`; with `waitall`, the error's `partial` is the data received so
far
@usage local m = s:recvmsg{iov = 65535, control = true}
print(m.data, m.from, m.control.ttl)
*/
static int socket_recvmsg(lua_State *L)
{
    lua_settop(L, OPTIONS);
    return recvmsg_step(L, LUA_OK, WAIT_FIRST);
}

void open_sendmsg(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"sendmsg", socket_sendmsg},
        {"recvmsg", socket_recvmsg},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
