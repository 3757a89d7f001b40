/*
 * sendmany: many messages sent in one system call; see batch.h.
 *
 * Follows sendmmsg(2), which hides an error after the first message; sending
 * the rest reports it. Functions named socket_* are methods of a socket.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/field.h"
#include "base/nosignal.h"
#include "message/batch.h"
#include "message/message.h"
#include "open.h"
#include "socket/transfer.h"
#include "socket/zerocopy.h"

#ifdef MSG_WAITFORONE

/* The stack: the arguments; the progress of the call, kept while a task waits;
 * memory for many messages; and what an attempt makes of its messages and their
 * addresses. */
enum {
    SELF = 1,
    LIST,
    ADDRESS,
    FLAGS,
    SENT,
    OFFSET,
    CHECKED,
    MEMORY,
    MADE,
    NAMES
};

/* The arrays of so many messages are on the C stack, and those of more are not:
 * an `__index` of a message may call sendmany, and so on, some 200 times. */
#define FEW 64

struct few_messages {
    struct mmsghdr messages[FEW];
    struct iovec iov[FEW];
};

/* The messages of one system call, and the progress of the whole call. */
struct send_batch {
    const struct socket *socket;
    const struct address *to; /* the destination of all, or NULL */
    bool has_names;           /* ADDRESS is a list of destinations */
    bool made;                /* MADE and NAMES hold this attempt's messages */
    lua_Unsigned total;
    lua_Unsigned sent;
    size_t offset; /* bytes of the next message that a stream has taken */
    size_t count;  /* messages in the arrays */
    struct mmsghdr *messages;
    struct iovec *iov;
};

/* ---- the messages of one attempt ---- */

/* Return the index, in LIST or MADE, of message `i` of the arrays. */
static lua_Integer list_index(const struct send_batch *v, size_t i)
{
    return (lua_Integer)(v->made ? i : v->sent + i) + 1;
}

/* Set the destination of message `i`. Returns false if its address must be
 * made first. */
static bool find_name(lua_State *L, const struct send_batch *v, size_t i,
                      struct msghdr *header)
{
    const struct address *a = v->to;
    bool known = true;

    if (v->has_names) {
        lua_rawgeti(L, v->made ? NAMES : ADDRESS, list_index(v, i));
        a = address_test(L, -1);
        known = a != NULL || !lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    header->msg_name = a != NULL ? (void *)&a->any : NULL;
    header->msg_namelen = a != NULL ? a->length : 0;
    return known;
}

/* Set up message `i` from the value on top. Returns false if an outgoing
 * message or an address must be made first. */
static bool fill_message(lua_State *L, struct send_batch *v, size_t i, int type)
{
    struct msghdr *header = &v->messages[i].msg_hdr;
    struct iovec *iov = &v->iov[i];

    if (type == LUA_TSTRING) {
        iov->iov_base = (char *)lua_tolstring(L, -1, &iov->iov_len);
        *header = (struct msghdr){.msg_iov = iov, .msg_iovlen = 1};
    } else if (v->made) {
        struct outgoing *p = lua_touserdata(L, -1);

        lua_getiuservalue(L, -1, OUTGOING_IOV);
        message_fill(L, LIST, lua_gettop(L), p);
        lua_pop(L, 1);
        message_fill_rights(L, lua_gettop(L), "sendmany");
        *header = p->header;
    } else {
        return false;
    }
    return header->msg_name != NULL || find_name(L, v, i, header);
}

/* Set up the arrays. Returns false if messages or addresses must be made first.
 * Allocates nothing and runs no Lua code, so that all pointers stay valid until
 * the system call. */
static bool fill(lua_State *L, struct send_batch *v)
{
    lua_Unsigned left = v->total - v->sent;

    v->count = left < BATCH ? (size_t)left : BATCH;
    for (size_t i = 0; i < v->count; i++) {
        int type = lua_rawgeti(L, v->made ? MADE : LIST, list_index(v, i));
        bool is_filled = fill_message(L, v, i, type);

        lua_pop(L, 1);
        if (!is_filled)
            return false;
    }
    return true;
}

/* Replace the table on top, message `number` of the list, by an outgoing
 * message. Strings stay. */
static void make_message(lua_State *L, const struct socket *s,
                         lua_Integer number)
{
    int index = lua_gettop(L);

    if (lua_type(L, index) == LUA_TSTRING)
        return;
    if (!lua_istable(L, index))
        luaL_argerror(L, LIST,
                      lua_pushfstring(L, "message %I: string or table expected",
                                      (LUAI_UACINT)number));
    if (lua_getfield(L, index, "flags") != LUA_TNIL)
        field_argerror(L, LIST, "flags",
                       "belongs to the call, not to a message");
    lua_pop(L, 1);
    message_pack(L, s, "sendmany", LIST, index);
    lua_replace(L, index);
}

static void make_name(lua_State *L)
{
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, false);
    } else if (address_read(L, lua_gettop(L)) == NULL) {
        luaL_argerror(L, ADDRESS, lua_tostring(L, -1));
    }
}

/* Push the lists MADE and NAMES: the messages and addresses of one attempt. */
static void make(lua_State *L, struct send_batch *v)
{
    lua_settop(L, MEMORY);
    lua_createtable(L, (int)v->count, 0);
    lua_createtable(L, v->has_names ? (int)v->count : 0, 0);
    v->made = false;
    for (size_t i = 0; i < v->count; i++) {
        lua_Integer number = list_index(v, i);

        lua_rawgeti(L, LIST, number);
        make_message(L, v->socket, number);
        lua_rawseti(L, MADE, (lua_Integer)i + 1);
        if (v->has_names) {
            lua_rawgeti(L, ADDRESS, number);
            make_name(L);
            lua_rawseti(L, NAMES, (lua_Integer)i + 1);
        }
    }
    v->made = true;
}

/* Leave out the bytes that a stream has already taken, and the control data,
 * which went with them. */
static void skip(struct msghdr *header, size_t offset)
{
    struct iovec *iov = header->msg_iov;

    header->msg_control = NULL;
    header->msg_controllen = 0;
    for (; header->msg_iovlen > 0 && offset >= iov->iov_len; iov++) {
        offset -= iov->iov_len;
        header->msg_iovlen--;
    }
    header->msg_iov = iov;
    if (header->msg_iovlen == 0)
        return;
    iov->iov_base = (char *)iov->iov_base + offset;
    iov->iov_len -= offset;
}

static void set_up(lua_State *L, struct send_batch *v)
{
    v->made = false;
    if (!fill(L, v)) {
        make(L, v);
        fill(L, v);
    }
}

static void prepare(lua_State *L, struct send_batch *v)
{
    set_up(L, v);
    if (v->offset > 0)
        skip(&v->messages[0].msg_hdr, v->offset);
}

/* ---- the progress of the call ---- */

static void set_integer(lua_State *L, int index, lua_Integer number)
{
    lua_pushinteger(L, number);
    lua_replace(L, index);
}

/* Provide the arrays: `few`, or a userdata at MEMORY. */
static void arrange(lua_State *L, struct send_batch *v,
                    struct few_messages *few)
{
    size_t count = v->total < BATCH ? v->total : BATCH;

    lua_settop(L, CHECKED);
    if (count <= FEW) {
        v->messages = few->messages;
        v->iov = few->iov;
        lua_pushnil(L);
    } else {
        v->messages = lua_newuserdatauv(
            L, count * (sizeof *v->messages + sizeof *v->iov), 0);
        v->iov = (struct iovec *)(v->messages + count);
    }
}

static void begin(lua_State *L, struct send_batch *v, struct few_messages *few,
                  const struct socket *s)
{
    v->socket = s;
    v->count = 0;
    v->has_names = lua_istable(L, ADDRESS);
    v->to = v->has_names || lua_isnil(L, ADDRESS) ? NULL
                                                  : address_check(L, ADDRESS);
    v->total = lua_rawlen(L, LIST);
    v->sent = (lua_Unsigned)lua_tointeger(L, SENT);
    v->offset = (size_t)lua_tointeger(L, OFFSET);
    arrange(L, v, few);
    v->messages[0] = (struct mmsghdr){.msg_len = 0};
}

static size_t length_of(const struct msghdr *header)
{
    size_t length = 0;

    for (size_t i = 0; i < (size_t)header->msg_iovlen; i++)
        length += header->msg_iov[i].iov_len;
    return length;
}

/* Note that the system has taken `count` messages; a stream may have taken only
 * a part of the last one. */
static void advance(lua_State *L, struct send_batch *v, size_t count)
{
    const struct mmsghdr *last = &v->messages[count - 1];

    if (v->socket->type == SOCK_STREAM &&
        last->msg_len < length_of(&last->msg_hdr)) {
        v->offset = last->msg_len + (count == 1 ? v->offset : 0);
        count--;
    } else {
        v->offset = 0;
    }
    v->sent += count;
    set_integer(L, SENT, (lua_Integer)v->sent);
    set_integer(L, OFFSET, (lua_Integer)v->offset);
}

static bool has_destination(const struct send_batch *v)
{
    return v->messages[0].msg_hdr.msg_name != NULL;
}

/* After a batch, which counts as several calls, while there are more: whether to
 * go on. */
static bool goes_on(lua_State *L, struct wait *w, struct send_batch *v)
{
    batch_charge(w, v->count);
    v->made = false;
    return wait_go_on(L, w, 0);
}

/* Check the messages, if they are more than one batch: a wrong one raises before
 * the first is sent. False: `w` says why the call ends. */
static bool check_all(lua_State *L, struct wait *w, struct send_batch *v)
{
    size_t checked = (size_t)lua_tointeger(L, CHECKED);
    bool ok = true;

    while (ok && v->total > BATCH && checked < v->total) {
        v->sent = checked;
        set_up(L, v);
        checked += v->count;
        v->sent = 0;
        set_integer(L, CHECKED, (lua_Integer)checked);
        ok = checked == v->total || goes_on(L, w, v);
    }
    return ok;
}

static int start(lua_State *L, struct wait *w, const struct call *call,
                 struct socket *s, lua_KContext context)
{
    int flags = transfer_check_sending_flags(L, FLAGS);

    flags |= wait_start(L, w, call, &s->handle, flags, context);
    /* Zerocopy would need the strings to be kept alive, which nothing does. */
    return flags & ~FLAG_ZEROCOPY;
}

/* ---- the system call ---- */

static int send_datagrams(const struct send_batch *v, int flags)
{
    return nosignal_sendmmsg(v->socket->handle.fd, v->messages,
                             (unsigned)v->count, flags);
}

#ifdef __GLIBC__

static int send_messages(const struct send_batch *v, int flags)
{
    return send_datagrams(v, flags);
}

#else

/* The kernel's sendmmsg ends with a message that a stream has taken in part. In
 * musl it is a loop of sendmsg that goes on with the next message, and the rest
 * of the one before would be lost. */
static int send_messages(const struct send_batch *v, int flags)
{
    size_t i = 0;
    bool is_whole = true;

    if (v->socket->type != SOCK_STREAM)
        return send_datagrams(v, flags);
    while (i < v->count && is_whole) {
        struct msghdr *header = &v->messages[i].msg_hdr;
        ssize_t length = nosignal_sendmsg(v->socket->handle.fd, header, flags);

        if (length == -1)
            break;
        v->messages[i++].msg_len = (unsigned)length;
        is_whole = (size_t)length == length_of(header);
    }
    return i > 0 ? (int)i : -1;
}

#endif

/* ---- the call ---- */

/* Push the destination of the message that failed. Returns its index; 0: it has
 * none. */
static int push_subject(lua_State *L, const struct send_batch *v)
{
    if (v->made) {
        lua_rawgeti(L, MADE, 1);
        if (lua_isuserdata(L, -1) &&
            lua_getiuservalue(L, -1, OUTGOING_NAME) != LUA_TNIL)
            return lua_gettop(L);
    }
    if (v->has_names)
        lua_rawgeti(L, v->made ? NAMES : ADDRESS, list_index(v, 0));
    else
        lua_pushvalue(L, ADDRESS);
    return lua_toboolean(L, -1) ? lua_gettop(L) : 0;
}

static int push_progress(lua_State *L, const struct send_batch *v)
{
    lua_pushinteger(L, (lua_Integer)v->sent);
    if (v->offset == 0)
        return 1;
    lua_pushinteger(L, (lua_Integer)v->offset);
    return 2;
}

static int fail(lua_State *L, const struct wait *w, const struct send_batch *v)
{
    if (w->outcome == WAIT_WOULD_BLOCK) {
        lua_pushboolean(L, false);
        return 1 + push_progress(L, v);
    }
    wait_push_error(L, w, push_subject(L, v));
    lua_insert(L, 1);
    if (push_progress(L, v) == 2)
        lua_setfield(L, 1, "offset");
    lua_setfield(L, 1, "sent");
    lua_settop(L, 1);
    return lua_error(L);
}

static int sendmany_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"sendmany", POLLOUT, sendmany_step};
    struct socket *s = socket_check_waiting(L, SELF, call.name, context);
    struct few_messages few;
    struct send_batch v;
    struct wait w;
    int flags;
    int n;

    (void)status;
    begin(L, &v, &few, s);
    flags = start(L, &w, &call, s, context);
    if (!check_all(L, &w, &v))
        return fail(L, &w, &v);
    while (v.sent < v.total) {
        do {
            prepare(L, &v);
            n = send_messages(&v, flags);
        } while (n == -1 && transfer_again(L, s, &w, has_destination(&v)));
        if (n == -1)
            return fail(L, &w, &v);
        advance(L, &v, (size_t)n);
        if (v.sent < v.total && !goes_on(L, &w, &v))
            return fail(L, &w, &v);
    }
    batch_charge(&w, v.count);
    lua_pushinteger(L, (lua_Integer)v.sent);
    return 1;
}

/*** Send many messages, waiting until all are sent (sendmmsg(2)).
One system call sends up to 1,024 messages. The system reports an error only if
it occurs at the first message of a system call. An error of a later message
itself (EMSGSIZE) is raised when that message is tried again; an error that an
earlier datagram caused (ECONNREFUSED) may be lost.
@function Socket:sendmany
@tab messages a list of strings, and tables as for `sendmsg`, without `flags`
@param[opt] address the destination of messages without a `name`: an `Address`
or a string; or a list with one for each message (false: none), as `recvmany`
returns it
@param[opt] flags as for `send`, for all messages; `zerocopy` has no effect
@treturn int how many messages were sent: all
@return `false` and the number of messages sent, if the call would have to wait
but must not; on a stream also how many bytes of the next message were sent
@raise as `sendmsg`, with the address; the error's `sent` is the number of
messages sent before, its `offset` how many bytes of the next message a stream
took
@usage s:sendmany(s:recvmany(64, 1500))
*/
static int socket_sendmany(lua_State *L)
{
    socket_check_open(L, SELF, "sendmany");
    luaL_checktype(L, LIST, LUA_TTABLE);
    lua_settop(L, FLAGS);
    lua_pushinteger(L, 0);
    lua_pushinteger(L, 0);
    lua_pushinteger(L, 0);
    return sendmany_step(L, LUA_OK, WAIT_FIRST);
}

void open_sendmany(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"sendmany", socket_sendmany},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}

#else

void open_sendmany(lua_State *L)
{
    (void)L;
}

#endif
