/*
 * recvmany: many messages received in one system call; see batch.h.
 *
 * Follows recvmmsg(2), which reports an error after the first message at the
 * next call. Functions named socket_* are methods of a socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/families.h"
#include "base/argument.h"
#include "base/error.h"
#include "base/metatable.h"
#include "base/scratch.h"
#include "message/batch.h"
#include "message/control.h"
#include "message/message.h"
#include "open.h"
#include "socket/transfer.h"

#ifdef MSG_WAITFORONE

#define BUFFERS_TYPE "sockeye.ReceiveBuffers"
/* Larger buffers are freed after the call. 64 of the largest datagrams fit. */
#define BUFFERS_KEPT ((size_t)8 * 1024 * 1024)

/* These flags do not reach the kernel: MSG_TRUNC would discard data, and only
 * the first message is waited for. */
#define NOT_PASSED_ON (MSG_WAITALL | MSG_TRUNC)

enum { SELF = 1, COUNT, SIZE, FLAGS, BUFFERS, DATA, FROM, SENDER };

/* ---- the buffers ---- */

/* Memory for the messages of one call, and its layout; a userdata. The registry
 * keeps one for each Lua state, and holds false while a call uses it: another
 * call made meanwhile creates its own. */
struct receive_buffers {
    struct scratch memory;
    size_t count;   /* messages whose headers are set up */
    size_t each;    /* bytes of data for one message */
    size_t control; /* bytes of control data for one message */
    size_t used;    /* headers that the last call has overwritten */
    struct mmsghdr *messages;
    struct iovec *iov;
    struct sockaddr_storage *names;
    unsigned char *controls;
    char *data;
};

static const char buffers_key = 'r';

static bool map(struct receive_buffers *t, size_t count, size_t each)
{
    scratch_unmap(&t->memory);
    t->count = 0;
    if (count <= SIZE_MAX / each)
        return scratch_map(&t->memory, count * each);
    errno = ENOMEM;
    return false;
}

static int buffers_gc(lua_State *L)
{
    struct receive_buffers *t = luaL_checkudata(L, 1, BUFFERS_TYPE);

    scratch_unmap(&t->memory);
    t->count = 0;
    return 0;
}

/* Push the kept buffers, or new ones if they are in use. */
static struct receive_buffers *take_buffers(lua_State *L)
{
    struct receive_buffers *t;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &buffers_key);
    t = lua_touserdata(L, -1);
    if (t != NULL) {
        lua_pushboolean(L, false);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &buffers_key);
        return t;
    }
    lua_pop(L, 1);
    t = lua_newuserdatauv(L, sizeof *t, 0);
    *t = (struct receive_buffers){.count = 0};
    luaL_setmetatable(L, BUFFERS_TYPE);
    return t;
}

/* Keep the buffers for the next call. Never raises and runs no Lua code. */
static void return_buffers(lua_State *L)
{
    struct receive_buffers *t = lua_touserdata(L, BUFFERS);

    if (t->memory.size > BUFFERS_KEPT) {
        scratch_unmap(&t->memory);
        t->count = 0;
    }
    lua_pushvalue(L, BUFFERS);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &buffers_key);
}

/* Return the distance between two messages' control data. */
static size_t control_stride(size_t control)
{
    return CMSG_ALIGN(control);
}

static void set_headers(struct receive_buffers *t)
{
    size_t stride = control_stride(t->control);

    for (size_t i = 0; i < t->count; i++) {
        t->iov[i] = (struct iovec){t->data + i * t->each, t->each};
        t->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &t->names[i],
            .msg_iov = &t->iov[i],
            .msg_iovlen = 1,
            .msg_control = stride > 0 ? t->controls + i * stride : NULL,
        };
    }
    t->used = t->count;
}

static void lay_out(struct receive_buffers *t, size_t count, size_t each,
                    size_t control)
{
    t->count = count;
    t->each = each;
    t->control = control;
    t->messages = (struct mmsghdr *)t->memory.bytes;
    t->iov = (struct iovec *)(t->messages + count);
    t->names = (struct sockaddr_storage *)(t->iov + count);
    t->controls = (unsigned char *)(t->names + count);
    t->data = (char *)t->controls + count * control_stride(control);
    set_headers(t);
}

/* Prepare buffers for `count` messages, or for fewer if memory is short. */
static void arrange(lua_State *L, struct receive_buffers *t, size_t count,
                    const struct receive_options *wanted)
{
    size_t each = sizeof *t->messages + sizeof *t->iov + sizeof *t->names +
                  control_stride(wanted->control) + wanted->size;

    if (t->count == count && t->each == wanted->size &&
        t->control == wanted->control)
        return;
    while ((t->memory.bytes == NULL || t->memory.size / each < count) &&
           !map(t, count, each)) {
        if (count == 1)
            error_raise(L, "mmap", errno, 0);
        count /= 2;
    }
    lay_out(t, count, wanted->size, wanted->control);
}

/* Restore the header fields that the last call has overwritten. */
static void renew(struct receive_buffers *t)
{
    for (size_t i = 0; i < t->used; i++) {
        struct msghdr *header = &t->messages[i].msg_hdr;

        header->msg_namelen = sizeof *t->names;
        header->msg_controllen = (socklen_t)t->control;
    }
}

static int receive_once(lua_State *L, const struct socket *s, size_t count,
                        const struct receive_options *wanted, int flags)
{
    struct receive_buffers *t;
    int n;

    lua_settop(L, FLAGS);
    t = take_buffers(L);
    arrange(L, t, count, wanted);
    renew(t);
    n = recvmmsg(s->handle.fd, t->messages, (unsigned)t->count, flags, NULL);
    t->used = n > 0 ? (size_t)n : 1;
    return n;
}

static bool receive_again(lua_State *L, const struct socket *s, struct wait *w,
                          int *flags)
{
    int error = errno;

    return_buffers(L);
    errno = error;
    return transfer_reads_again(L, s, w, flags);
}

/* ---- received messages ---- */

/* The messages of one call. */
struct received_batch {
    const struct socket *socket;
    const struct receive_options *wanted;
    const struct receive_buffers *buffers;
    size_t count;
    int flags; /* the caller's that reach the kernel */
};

/* Drop the empty messages at the end of a stream: the kernel reports the end
 * once for each message that is left. */
static void drop_end(struct received_batch *h)
{
    const struct receive_buffers *t = h->buffers;

    if (h->count < t->count)
        return;
    for (; h->count > 0; h->count--) {
        const struct mmsghdr *last = &t->messages[h->count - 1];

        if (!message_is_end(h->socket, h->wanted, &last->msg_hdr,
                            last->msg_len))
            return;
    }
}

/* The constant length lets the compiler inline the usual comparison. */
static inline bool is_same_sender(const struct msghdr *a,
                                  const struct msghdr *b)
{
    const size_t usual = sizeof(struct sockaddr_in);

    if (a->msg_namelen != b->msg_namelen)
        return false;
    return a->msg_namelen == usual
               ? memcmp(a->msg_name, b->msg_name, usual) == 0
               : memcmp(a->msg_name, b->msg_name, a->msg_namelen) == 0;
}

/* Replace the sender on top by that of message `i`, unless it is the same. */
static void replace_sender(lua_State *L, const struct receive_buffers *t,
                           size_t i)
{
    const struct msghdr *header = &t->messages[i].msg_hdr;

    if (i > 0 && is_same_sender(header, &t->messages[i - 1].msg_hdr))
        return;
    lua_settop(L, FROM);
    if (header->msg_namelen > 0)
        address_push(L, header->msg_name, header->msg_namelen);
    else
        lua_pushboolean(L, false);
}

static void set_length(lua_State *L, lua_Integer number, size_t length)
{
    luaL_getsubtable(L, DATA, "lengths");
    lua_pushinteger(L, (lua_Integer)length);
    lua_rawseti(L, -2, number);
    lua_pop(L, 1);
}

/* Push a list of strings and a list of their senders. */
static int push_data(lua_State *L, const struct received_batch *h)
{
    const struct receive_buffers *t = h->buffers;
    const bool returns_all = h->wanted->flags & MSG_TRUNC;
    const bool discards = transfer_discards(h->socket, h->flags);
    const size_t each = t->each;
    const char *data = t->data;

    lua_createtable(L, (int)h->count, 0);
    lua_createtable(L, (int)h->count, 0);
    for (size_t i = 0; i < h->count; i++, data += each) {
        size_t length = t->messages[i].msg_len;
        bool is_cut = length > each;
        lua_Integer number = (lua_Integer)i + 1;

        lua_pushlstring(L, data, discards ? 0 : is_cut ? each : length);
        lua_rawseti(L, DATA, number);
        replace_sender(L, t, i);
        lua_pushvalue(L, SENDER);
        lua_rawseti(L, FROM, number);
        if (is_cut || returns_all)
            set_length(L, number, length);
    }
    lua_settop(L, FROM);
    return 2;
}

static int make_messages(lua_State *L)
{
    const struct received_batch *h = lua_touserdata(L, 2);
    const struct receive_buffers *t = h->buffers;

    lua_createtable(L, (int)h->count, 0);
    for (size_t i = 0; i < h->count; i++) {
        struct received a = {
            .socket = h->socket,
            .header = &t->messages[i].msg_hdr,
            .data = t->data + i * t->each,
            .length = t->messages[i].msg_len,
            .flags = h->flags,
        };

        message_push(L, &a, h->wanted, 1);
        lua_rawseti(L, 3, (lua_Integer)i + 1);
    }
    return 1;
}

/* Push a list of messages as tables. If that raises, all descriptors received
 * are closed. */
static int push_messages(lua_State *L, const struct received_batch *h)
{
    lua_pushcfunction(L, make_messages);
    lua_pushvalue(L, SIZE);
    lua_pushlightuserdata(L, (void *)h);
    if (lua_pcall(L, 2, 1, 0) == LUA_OK)
        return 1;
    for (size_t i = 0; i < h->count; i++)
        control_close_descriptors(&h->buffers->messages[i].msg_hdr);
    return lua_error(L);
}

static int push_batch(lua_State *L, struct received_batch *h)
{
    drop_end(h);
    if (h->count == 0) {
        lua_pushnil(L);
        return 1;
    }
    return lua_istable(L, SIZE) ? push_messages(L, h) : push_data(L, h);
}

/* ---- the call ---- */

static size_t check_count(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, COUNT);

    luaL_argcheck(L, count > 0, COUNT, "number of messages must be positive");
    return count < BATCH ? (size_t)count : BATCH;
}

static void check_receive_options(lua_State *L, struct receive_options *wanted)
{
    if (lua_istable(L, SIZE)) {
        luaL_argcheck(L, lua_isnil(L, FLAGS), FLAGS,
                      "flags belong in the table");
        message_receive_options(L, SIZE, wanted);
    } else {
        *wanted = (struct receive_options){
            .size = transfer_size(L, SIZE),
            .flags = transfer_check_receiving_flags(L, FLAGS),
        };
    }
    if (wanted->size > TRANSFER_MAX)
        wanted->size = TRANSFER_MAX;
}

static int recvmany_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recvmany", POLLIN, recvmany_step};
    struct socket *s = socket_check_waiting(L, SELF, call.name, context);
    size_t count = check_count(L);
    struct receive_options wanted;
    struct received_batch h = {.socket = s, .wanted = &wanted};
    struct wait w;
    int results;
    int flags;
    int n;

    (void)status;
    check_receive_options(L, &wanted);
    if (wanted.flags & MSG_PEEK)
        count = 1;
    h.flags = wanted.flags & ~NOT_PASSED_ON;
    flags = message_start(L, &w, &call, s, h.flags, context) | MSG_WAITFORONE;
    do
        n = receive_once(L, s, count, &wanted, flags);
    while (n == -1 && receive_again(L, s, &w, &flags));
    if (n == -1)
        return wait_failed(L, &w, 0);
    batch_charge(&w, (size_t)n);
    h.buffers = lua_touserdata(L, BUFFERS);
    h.count = (size_t)n;
    results = push_batch(L, &h);
    return_buffers(L);
    return results;
}

/*** Receive many messages (recvmmsg(2)).
The call waits for the first message and returns those that are there. An error
after the first message is raised by the next call.
@function Socket:recvmany
@int n how many messages at most; one call returns up to 1,024
@param size how many bytes of each message at most; or a table as for `recvmsg`
@param[opt] flags as for `recv`, but `waitall` has no effect; if there is a
table, they are a field of it. With `peek`, one message is returned; with
`trunc`, the lengths of all
@treturn ?{string,...} the data, a list of 1 to `n` strings; if some were cut,
its field `lengths` maps their positions to their whole lengths. With a table: a
list of messages as `recvmsg` returns them. nil at the end of a stream; `false`
if the call would have to wait but must not
@treturn ?{Address,...} the sender of each; `false` for one without an address.
Absent with a table
@raise as `recvmsg`
@usage local data, from = s:recvmany(64, 1500)
for i, datagram in ipairs(data) do print(from[i], datagram) end
*/
static int socket_recvmany(lua_State *L)
{
    lua_settop(L, FLAGS);
    return recvmany_step(L, LUA_OK, WAIT_FIRST);
}

void open_recvmany(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"recvmany", socket_recvmany},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", buffers_gc},
        {NULL, NULL},
    };

    metatable_push(L, BUFFERS_TYPE, metamethods);
    lua_pop(L, 1);
    lua_pushboolean(L, false);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &buffers_key);
    socket_add_methods(L, methods);
}

#else

void open_recvmany(lua_State *L)
{
    (void)L;
}

#endif
