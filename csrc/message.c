/*
 * message: sendmsg and recvmsg; see message.h.
 *
 * Follows send(2), recvmsg(2), cmsg(3). What the kernel would scatter over
 * several buffers is received into one, and then split. Functions named
 * socket_* are methods of a socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>

#include <lauxlib.h>

#include "ancillary.h"
#include "buffer.h"
#include "field.h"
#include "message.h"
#include "sockaddr.h"
#include "transfer.h"
#include "zerocopy.h"

/* ---- sending ---- */

/* Push what is to be sent, a string or a list; how many strings. */
static size_t check_iov(lua_State *L, int arg, int index)
{
    int type = lua_getfield(L, index, "iov");
    size_t count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 1;

    if (type != LUA_TTABLE && type != LUA_TSTRING && type != LUA_TNIL)
        field_argerror(L, arg, "iov", "string or list of strings expected");
    if (count > MESSAGE_IOV)
        field_argerror(L, arg, "iov", "too many strings (at most 1024)");
    return type == LUA_TNIL ? 0 : count;
}

void message_fill(lua_State *L, int arg, int index, struct parcel *p)
{
    bool is_list = lua_istable(L, index);
    struct iovec *iov = p->iov;

    for (size_t i = 0; i < p->header.msg_iovlen; i++) {
        lua_pushvalue(L, index);
        if (is_list && lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
            field_argerror(L, arg, "iov", "strings expected");
        iov[i].iov_base = (char *)lua_tolstring(L, -1, &iov[i].iov_len);
        lua_settop(L, -2 - is_list);
    }
}

/* The address becomes the user value of the parcel on top. */
static void fill_name(lua_State *L, struct msghdr *header, int arg, int index)
{
    const struct address *a;

    if (lua_getfield(L, index, "name") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    a = address_read(L, lua_gettop(L));
    if (a == NULL) {
        field_argerror(L, arg, "name", lua_tostring(L, -1));
        return;
    }
    header->msg_name = (void *)&a->any;
    header->msg_namelen = a->length;
    lua_setiuservalue(L, -2, PARCEL_NAME);
}

/* The parcel on top has room for `control`, which comes behind its strings. */
static void fill_control(struct msghdr *header, struct iovec *end,
                         const struct control_writer *control)
{
    if (control->used == 0)
        return;
    header->msg_control = end;
    header->msg_controllen = control->used;
    memcpy(end, control->bytes, control->used);
}

struct parcel *message_pack(lua_State *L, const struct socket *s, int arg,
                            int index)
{
    static const char *const fields[] = {"iov", "name", "control", "flags",
                                         NULL};
    int base = lua_gettop(L);
    struct control_writer control;
    struct parcel *p;
    size_t count;

    field_check_names(L, arg, index, fields);
    count = check_iov(L, arg, index);
    control.used = 0;
    if (lua_getfield(L, index, "control") != LUA_TNIL)
        control_write(L, &control, s, arg, lua_gettop(L));
    p = lua_newuserdatauv(L, sizeof *p + count * sizeof *p->iov + control.used,
                          PARCEL_VALUES);
    p->header = (struct msghdr){.msg_iov = p->iov, .msg_iovlen = count};
    lua_pushvalue(L, base + 1);
    lua_setiuservalue(L, -2, PARCEL_IOV);
    fill_control(&p->header, p->iov + count, &control);
    fill_name(L, &p->header, arg, index);
    message_fill(L, arg, base + 1, p);
    lua_replace(L, base + 1);
    lua_settop(L, base + 1);
    return p;
}

int message_flags(lua_State *L, int arg, int index)
{
    int flags;

    lua_getfield(L, index, "flags");
    if (!names_read_flags(L, -1, &flag_names, &flags))
        field_argerror(L, arg, "flags", lua_tostring(L, -1));
    lua_pop(L, 1);
    return flags;
}

/* The message is at index 2. */
static ssize_t send_parcel(lua_State *L, struct socket *s,
                           const struct msghdr *header, int flags)
{
    ssize_t n;

    if (!wants_zerocopy(flags))
        return sendmsg(s->handle.fd, header, flags);
    lua_getfield(L, 2, "iov");
    n = zerocopy_send(L, s, lua_gettop(L), header, flags);
    lua_pop(L, 1);
    return n;
}

static int sendmsg_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"sendmsg", POLLOUT, sendmsg_step};
    struct socket *s = check_waiting(L, 1, "sendmsg", context);
    const struct parcel *p;
    struct wait w;
    int flags;
    ssize_t n;

    (void)status;
    lua_settop(L, 2);
    luaL_checktype(L, 2, LUA_TTABLE);
    flags = message_flags(L, 2, 2);
    flags |=
        wait_start(L, &w, &call, &s->handle, flags, context) | MSG_NOSIGNAL;
    do {
        lua_settop(L, 2);
        p = message_pack(L, s, 2, 2);
        n = send_parcel(L, s, &p->header, flags);
    } while (n == -1 && transfer_again(L, s, &w, p->header.msg_name));
    if (n == -1)
        return wait_failed(L, &w, lua_getiuservalue(L, 3, PARCEL_NAME) ? 4 : 0);
    lua_pushinteger(L, n);
    return 1;
}

/*** Send a message: data from several strings, an address and control data
(sendmsg(2), cmsg(3)).
@function Socket:sendmsg
@tab message `iov`: a string or a list of strings, which are gathered; `name`:
the destination, an `Address` or a string, where the socket has no peer;
`control`: a table by kind, see `control`; `flags`: as for `send`
@treturn int how many bytes of data were taken; `false` where it would have to
wait and must not
@raise as `send`, with the address; EBADF for a closed socket in `rights`,
EINVAL for control data that this socket does not know, EPERM for credentials
that are not one's own
@usage s:sendmsg{iov = {"file", "\n"}, control = {rights = {file}}}
*/
static int socket_sendmsg(lua_State *L)
{
    return sendmsg_step(L, LUA_OK, 0);
}

/* ---- what is asked for ---- */

static size_t sum_sizes(lua_State *L, int index)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    size_t sum = 0;

    for (lua_Integer i = 1; i <= count; i++) {
        int is_integer;
        lua_Integer size;

        lua_rawgeti(L, -1, i);
        size = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || size < 0 || size > INT32_MAX)
            field_argerror(L, index, "iov", "sizes of 0 or more expected");
        sum += (size_t)size;
        lua_pop(L, 1);
    }
    return sum;
}

static void request_size(lua_State *L, int index, struct request *request)
{
    int type = lua_getfield(L, index, "iov");

    request->several = type == LUA_TTABLE;
    if (request->several)
        request->size = sum_sizes(L, index);
    lua_pop(L, 1);
    if (!request->several)
        request->size =
            (size_t)field_integer(L, index, index, "iov", 0, LUA_MAXINTEGER);
}

static void request_control(lua_State *L, int index, struct request *request)
{
    bool is_boolean = lua_getfield(L, index, "control") == LUA_TBOOLEAN;
    bool wanted = lua_toboolean(L, -1);

    lua_pop(L, 1);
    if (is_boolean || !wanted)
        request->control = wanted ? MESSAGE_CONTROL : 0;
    else
        request->control =
            (size_t)field_integer(L, index, index, "control", 0, INT32_MAX);
}

static void request_rights(lua_State *L, int index, struct request *request)
{
    static const char wanted[] = "'sockets' or 'numbers' expected";
    bool is_given = lua_getfield(L, index, "rights") != LUA_TNIL;
    const char *form = is_given ? lua_tostring(L, -1) : "sockets";

    request->numbers = form != NULL && strcmp(form, "numbers") == 0;
    if (form == NULL || (!request->numbers && strcmp(form, "sockets") != 0))
        field_argerror(L, index, "rights", wanted);
    lua_pop(L, 1);
}

void message_request(lua_State *L, int index, struct request *request)
{
    static const char *const fields[] = {"iov", "control", "flags", "rights",
                                         NULL};

    check_fields(L, index, fields);
    request_size(L, index, request);
    request_control(L, index, request);
    request_rights(L, index, request);
    request->flags = message_flags(L, index, index);
}

/* ---- what has come ---- */

/* clang-format off */
static const struct name told_rows[] = {
    {"trunc", MSG_TRUNC}, {"ctrunc", MSG_CTRUNC}, {"eor", MSG_EOR},
    {"oob", MSG_OOB},
#ifdef MSG_ERRQUEUE
    {"errqueue", MSG_ERRQUEUE},
#endif
    {NULL, 0},
};
/* clang-format on */

/* To those that there are already, if any. */
static void add_flags(lua_State *L, int table, int flags)
{
    luaL_getsubtable(L, table, "flags");
    for (const struct name *row = told_rows; row->text != NULL; row++) {
        if (flags & row->value) {
            lua_pushboolean(L, true);
            lua_setfield(L, -2, row->text);
        }
    }
    lua_pop(L, 1);
}

static void set_control(lua_State *L, int table, const struct arrival *a,
                        const struct request *request)
{
    struct control_reader reader = {
        .socket = a->socket,
        .message = a->header,
        .numbers = request->numbers,
    };

    lua_newtable(L);
    reader.table = lua_gettop(L);
    control_read(L, &reader);
    lua_setfield(L, table, "control");
}

/* The data on top of the stack becomes `data`, and is split as the sizes in
 * the options say; the last ones may be short or missing. */
static void set_data(lua_State *L, int table, int options, bool several)
{
    size_t left;
    const char *data = lua_tolstring(L, -1, &left);

    if (several) {
        lua_getfield(L, options, "iov");
        lua_newtable(L);
        for (lua_Integer i = 1; left > 0; i++) {
            size_t size;

            lua_rawgeti(L, -2, i);
            size = (size_t)lua_tointeger(L, -1);
            lua_pop(L, 1);
            if (size > left)
                size = left;
            lua_pushlstring(L, data, size);
            lua_rawseti(L, -2, i);
            data += size;
            left -= size;
        }
        lua_setfield(L, table, "iov");
        lua_pop(L, 1);
    }
    lua_setfield(L, table, "data");
}

static void push_message(lua_State *L, const struct arrival *a,
                         const struct request *request, int options)
{
    const struct msghdr *header = a->header;
    bool is_cut = a->length > request->size;
    size_t size = is_cut ? request->size : a->length;
    int table;

    if (transfer_discards(a->socket, request->flags))
        size = 0;
    lua_pushlstring(L, a->data, size);
    lua_createtable(L, 0, 4);
    lua_insert(L, -2);
    table = lua_gettop(L) - 1;
    set_data(L, table, options, request->several);
    if (header->msg_namelen > 0) {
        address_push(L, header->msg_name, header->msg_namelen);
        lua_setfield(L, table, "from");
    }
    if (is_cut || request->flags & MSG_TRUNC) {
        lua_pushinteger(L, (lua_Integer)a->length);
        lua_setfield(L, table, "length");
    }
    if (request->control > 0)
        set_control(L, table, a, request);
    add_flags(L, table, header->msg_flags);
}

/* What is done where descriptors have come, which are closed if it raises. */
struct pushing {
    const struct arrival *arrival;
    const struct request *request;
};

static int make_message(lua_State *L)
{
    const struct pushing *p = lua_touserdata(L, 2);

    push_message(L, p->arrival, p->request, 1);
    return 1;
}

static int make_control(lua_State *L)
{
    const struct pushing *p = lua_touserdata(L, 2);

    set_control(L, 1, p->arrival, p->request);
    return 0;
}

/* Call it with the value at `index`. */
static void push_guarded(lua_State *L, lua_CFunction make, int index,
                         int results, const struct pushing *p)
{
    lua_pushcfunction(L, make);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, (void *)p);
    if (lua_pcall(L, 2, results, 0) != LUA_OK) {
        control_close_descriptors(p->arrival->header);
        lua_error(L);
    }
}

void message_push(lua_State *L, const struct arrival *a,
                  const struct request *request, int options)
{
    struct pushing p = {a, request};

    if (control_brings_descriptors(a->header))
        push_guarded(L, make_message, options, 1, &p);
    else
        push_message(L, a, request, options);
}

/* ---- receiving ---- */

enum { SELF = 1, OPTIONS, CONTROL, MESSAGE };

/* Where one attempt puts what comes. */
struct receiving {
    struct msghdr header;
    struct iovec iov;
    struct sockaddr_storage name;
    void *control;
    union {
        size_t alignment; /* of struct cmsghdr */
        unsigned char bytes[MESSAGE_CONTROL];
    } small;
};

/* Memory for control data, which may be a userdata at CONTROL. */
static void prepare(lua_State *L, struct receiving *r,
                    const struct request *request)
{
    lua_settop(L, OPTIONS);
    if (request->control <= sizeof r->small) {
        r->control = &r->small;
        lua_pushnil(L);
    } else {
        r->control = lua_newuserdatauv(L, request->control, 0);
    }
}

static ssize_t receive_once(struct receiving *r, const struct socket *s,
                            const struct request *request, void *data,
                            size_t size, int flags)
{
    r->iov = (struct iovec){data, size};
    r->header = (struct msghdr){
        .msg_name = &r->name,
        .msg_namelen = sizeof r->name,
        .msg_iov = &r->iov,
        .msg_iovlen = 1,
        .msg_control = r->control,
        .msg_controllen = request->control,
    };
    return recvmsg(s->handle.fd, &r->header, flags);
}

/* The error queue never waits; descriptors are close-on-exec; the length of a
 * datagram is told. */
static int start_receiving(lua_State *L, struct wait *w,
                           const struct call *call, struct socket *s,
                           const struct request *request, lua_KContext context)
{
    int flags = request->flags;

    if (flags & MSG_ERRQUEUE)
        flags |= MSG_DONTWAIT;
    flags |= wait_start(L, w, call, &s->handle, flags, context);
    if (s->type != SOCK_STREAM)
        flags |= MSG_TRUNC;
    return s->family == AF_UNIX ? flags | MSG_CMSG_CLOEXEC : flags;
}

/* ---- MSG_WAITALL ---- */

static bool is_short(const struct socket *s, const struct request *request,
                     size_t length)
{
    int flags = MSG_WAITALL | MSG_PEEK | MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE;

    return (request->flags & flags) == MSG_WAITALL && s->type == SOCK_STREAM &&
           length > 0 && length < request->size;
}

/* Control data of a Unix socket belongs to what came before it, and what comes
 * behind may be from somebody else. */
static bool ends_message(const struct socket *s, const struct receiving *r)
{
    return s->family == AF_UNIX && r->header.msg_controllen > 0;
}

/* Receive more into the gather on top. Zero: that was the end; -1: `w` says
 * why there is no more. */
static ssize_t receive_more(lua_State *L, struct receiving *r, struct wait *w,
                            struct socket *s, const struct request *request,
                            int flags)
{
    struct gather *g;
    ssize_t n;

    do {
        g = gather_room(L, request->size);
        n = receive_once(r, s, request, g->bytes + g->used, g->size - g->used,
                         flags);
    } while (n == -1 && wait_again(L, w));
    if (n > 0) {
        struct arrival a = {.socket = s, .header = &r->header};
        struct pushing p = {&a, request};

        g->used += (size_t)n;
        if (r->header.msg_controllen > 0)
            push_guarded(L, make_control, MESSAGE, 0, &p);
        add_flags(L, MESSAGE, r->header.msg_flags);
    }
    return n;
}

/* Stack: SELF, OPTIONS, CONTROL, MESSAGE, the gather. */
static int recvmsg_rest(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recvmsg", POLLIN, recvmsg_rest};
    struct socket *s = check_waiting(L, SELF, call.name, context);
    struct request request;
    struct receiving r;
    struct wait w;
    int flags;
    ssize_t n;

    (void)status;
    message_request(L, OPTIONS, &request);
    r.control = lua_isnil(L, CONTROL) ? &r.small : lua_touserdata(L, CONTROL);
    flags = start_receiving(L, &w, &call, s, &request, context);
    do
        n = receive_more(L, &r, &w, s, &request, flags);
    while (n > 0 && !ends_message(s, &r) &&
           is_short(s, &request, gather_used(L)));
    gather_push(L);
    set_data(L, MESSAGE, OPTIONS, request.several);
    lua_settop(L, MESSAGE);
    if (n == -1 && w.outcome != WAIT_WOULD_BLOCK) {
        wait_push_error(L, &w, 0);
        lua_getfield(L, MESSAGE, "data");
        lua_setfield(L, -2, "partial");
        return lua_error(L);
    }
    return 1;
}

/* ---- the call ---- */

/* Whether nothing received is the end of the stream. */
static bool is_end(const struct socket *s, const struct request *request,
                   const struct receiving *r, size_t length)
{
    return length == 0 && request->size > 0 && transfer_ends(s) &&
           !(request->flags & MSG_ERRQUEUE) && r->header.msg_controllen == 0 &&
           !(r->header.msg_flags & MSG_CTRUNC);
}

static int push_arrival(lua_State *L, const struct socket *s,
                        const struct request *request, struct receiving *r,
                        const char *data, size_t length)
{
    struct arrival a = {s, &r->header, data, length};

    if (is_end(s, request, r, length))
        lua_pushnil(L);
    else
        message_push(L, &a, request, OPTIONS);
    return 1;
}

static bool receive_again(lua_State *L, struct wait *w, size_t size)
{
    int error = errno;

    scratch_release(L, size);
    errno = error;
    return wait_again(L, w);
}

static int recvmsg_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recvmsg", POLLIN, recvmsg_step};
    struct socket *s = check_waiting(L, SELF, "recvmsg", context);
    struct request request;
    struct receiving r;
    struct wait w;
    char small[SMALL];
    char *data;
    int flags;
    ssize_t n;

    (void)status;
    message_request(L, OPTIONS, &request);
    prepare(L, &r, &request);
    flags = start_receiving(L, &w, &call, s, &request, context);
    do {
        data = request.size <= SMALL ? small : scratch_take(L, &request.size);
        n = receive_once(&r, s, &request, data, request.size, flags);
    } while (n == -1 && receive_again(L, &w, request.size));
    if (n == -1)
        return wait_failed(L, &w, 0);
    push_arrival(L, s, &request, &r, data, (size_t)n);
    scratch_release(L, request.size);
    if (!is_short(s, &request, (size_t)n) || ends_message(s, &r))
        return 1;
    lua_getfield(L, MESSAGE, "data");
    gather_new(L, lua_tostring(L, -1), (size_t)n, request.size);
    lua_replace(L, -2);
    return recvmsg_rest(L, LUA_OK, 0);
}

/*** Receive a message: data, the sender, control data and flags (recvmsg(2),
cmsg(3)).
@function Socket:recvmsg
@tab options `iov`: how many bytes of data at most, or a list of sizes;
`control`: `true`, or the bytes of room for control data, without which there is
none; `flags`: as for `recv`, but `waitall` ends at control data of a Unix
socket, which belongs to what has come before; `rights`: `"numbers"` for descriptors as integers,
which are the caller's to close, in place of sockets
@treturn ?table `data`: a string; `iov`: the same as a list, where `iov` was
one; `from`: the sender's `Address`, or from the error queue where the message
had been sent to; `control`: a table by kind, see `control`;
`flags`: a table with `trunc` (the data was cut), `ctrunc` (the control data
was: what did not fit is lost, and the system has closed descriptors that did
not), `eor`, `oob`, `errqueue`, each `true` or absent; `length`: that of the
whole datagram, where it was cut, or with `trunc`. nil at the end of a stream; `false` where it
would have to wait and must not, and from an empty error queue
@raise as `recv`; with `waitall`, what has come so far is in the error's
`partial`
@usage local m = s:recvmsg{iov = 65535, control = true}
print(m.data, m.from, m.control.ttl)
*/
static int socket_recvmsg(lua_State *L)
{
    lua_settop(L, OPTIONS);
    return recvmsg_step(L, LUA_OK, 0);
}

void open_message(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"sendmsg", socket_sendmsg},
        {"recvmsg", socket_recvmsg},
        {NULL, NULL},
    };

    add_socket_methods(L, methods);
}
