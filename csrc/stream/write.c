/*
 * write: the methods write, flush, shutdown and setvbuf of a stream.
 *
 * What is written is kept in one block and sent by one call: before the task
 * waits (loop.h), when there is too much of it, or when it is asked for.
 * Follows Lua's file:write, setvbuf(3), sendmsg(2).
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/field.h"
#include "base/size.h"
#include "open.h"
#include "stream/stream.h"
#include "task/task.h"

#define DIRECT 16384 /* bytes that are worth not copying */
#define IOV_MOST 64

/* The progress of write. */
enum { TAKING, SENDING };

/* Whether the stream keeps what is written for a while. */
static bool is_kept(const struct stream *s)
{
    if (s->buffering == BUFFER_AUTO)
        return wait_is_in_task();
    return s->buffering == BUFFER_FULL;
}

/* Have what is pending sent before the task waits. */
static void note_pending(struct stream *s)
{
    if (s->buffering != BUFFER_FULL && s->out.pending != NULL && is_kept(s))
        output_join(&s->out, &loop_running()->outputs);
}

/* The arguments of write are at 2 to `last`, strings or numbers. */
static size_t check_data(lua_State *L, int last)
{
    size_t total = 0;

    for (int arg = 2; arg <= last; arg++) {
        size_t size;

        if (lua_tolstring(L, arg, &size) == NULL)
            luaL_checklstring(L, arg, &size);
        luaL_argcheck(L, size <= SIZE_MAX - total, arg, "too many bytes");
        total += size;
    }
    return total;
}

static void check_memory(lua_State *L, bool ok)
{
    if (!ok)
        error_raise(L, "write", ENOMEM, 0);
}

/* Keep all but the first `sent` bytes of them. */
static void keep(lua_State *L, struct stream *s, int last, size_t total,
                 size_t sent)
{
    if (total == sent)
        return;
    check_memory(L, block_reserve(&s->out.pending, s->out.pool, total - sent));
    for (int arg = 2; arg <= last; arg++) {
        size_t size;
        const char *data = lua_tolstring(L, arg, &size);
        size_t skipped = sent < size ? sent : size;

        block_append(s->out.pending, data + skipped, size - skipped);
        sent -= skipped;
    }
}

/* Send them from where they are: how many bytes were sent. Raises what is more
 * than having to wait. */
static size_t send_direct(lua_State *L, const struct stream *s, int last,
                          int flags)
{
    struct iovec iov[IOV_MOST];
    struct msghdr message = {.msg_iov = iov};
    ssize_t n;

    for (int arg = 2; arg <= last && message.msg_iovlen < IOV_MOST; arg++) {
        struct iovec *v = &iov[message.msg_iovlen++];

        v->iov_base = (char *)lua_tolstring(L, arg, &v->iov_len);
    }
    n = sendmsg(s->socket->handle.fd, &message, flags | MSG_NOSIGNAL);
    if (n != -1)
        return (size_t)n;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        error_raise(L, "write", errno, 0);
    return 0;
}

/* Take the arguments over: sent, or pending. */
static void take_over(lua_State *L, struct stream *s, int last, int flags)
{
    size_t total = check_data(L, last);
    size_t sent = 0;
    bool is_large = total >= DIRECT || !is_kept(s);

    if (is_large && total > 0 && s->out.pending == NULL && stream_is_socket(s))
        sent = send_direct(L, s, last, flags);
    keep(L, s, last, total, sent);
    note_pending(s);
}

static bool has_to_send(const struct stream *s)
{
    return s->out.pending != NULL &&
           (!is_kept(s) || block_used(s->out.pending) > s->limit);
}

/* `unsent` of the bytes that are or were pending come first from write's
 * arguments. */
static int fail_writing(lua_State *L, const struct wait *w, size_t total,
                        size_t unsent)
{
    wait_push_error(L, w, 0);
    field_set_integer(L, "sent",
                      (lua_Integer)(total > unsent ? total - unsent : 0));
    return lua_error(L);
}

static int write_step(lua_State *L, int status, lua_KContext context);

static const struct call write_call = {"write", POLLOUT, write_step};

/* TAKING: wait for room, then take the data. SENDING: flush what exceeds the
 * limit. */
static int write_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *s = stream_check_open(L, 1, "write", context);
    int last = lua_gettop(L);
    struct wait w;
    int flags = wait_start(L, &w, &write_call, &s->socket->handle, 0, context);
    size_t unsent;

    (void)status;
    if (w.progress != SENDING) {
        if (block_used(s->out.pending) > s->limit &&
            !stream_flush(L, s, &w, flags, &unsent))
            return w.outcome == WAIT_WOULD_BLOCK ? wait_failed(L, &w, 0)
                                                 : fail_writing(L, &w, 0, 0);
        take_over(L, s, last, flags);
    }
    w.progress = SENDING;
    if (has_to_send(s) && !stream_flush(L, s, &w, flags, &unsent) &&
        w.outcome != WAIT_WOULD_BLOCK)
        return fail_writing(L, &w, check_data(L, last), unsent);
    lua_settop(L, 1);
    return 1;
}

/*** Write strings and numbers.
Unless `setvbuf` says otherwise, what is written inside a task is kept and sent
by one call, no later than the task's next wait of any kind, its end, or when
there are more than 64 KiB; outside of a task it is sent at once.
@function Stream:write
@param ... strings, or numbers, as `tostring` makes strings of them
@treturn Stream itself; `false` where the buffer is full, it would have to wait
and must not: then nothing is written
@raise EPIPE, ECONNRESET, …; ETIMEDOUT with `timeout`, ECANCELED: then what is
not sent is still kept, up to the next `flush`. The error's `sent` is how many
bytes of this call's were sent. When a wait sends what was written before, it is
the wait that raises, with `"flush"` as its `call`.
@usage
conn:write("HTTP/1.0 200 OK\r\nContent-Length: ", #body, "\r\n\r\n", body)
*/
static int stream_write(lua_State *L)
{
    struct stream *s = stream_check_open(L, 1, "write", 0);
    int last = lua_gettop(L);
    size_t total = check_data(L, last);

    if (total >= DIRECT || !is_kept(s) ||
        block_used(s->out.pending) + total > s->limit)
        return write_step(L, LUA_OK, WAIT_FIRST);
    keep(L, s, last, total, 0);
    note_pending(s);
    lua_settop(L, 1);
    return 1;
}

static int flush_step(lua_State *L, int status, lua_KContext context);

static const struct call flush_call = {"flush", POLLOUT, flush_step};

static int flush_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *s = stream_check_open(L, 1, "flush", context);
    struct wait w;
    int flags = wait_start(L, &w, &flush_call, &s->socket->handle, 0, context);
    size_t unsent;

    (void)status;
    if (!stream_flush(L, s, &w, flags, &unsent))
        return wait_failed(L, &w, 0);
    return 1;
}

/*** Send what was written.
@function Stream:flush
@treturn Stream itself; `false` where it would have to wait and must not
@raise as `write`
*/
static int stream_flush_method(lua_State *L)
{
    lua_settop(L, 1);
    return flush_step(L, LUA_OK, WAIT_FIRST);
}

/* Stack: the stream, and which end. */
static int shutdown_step(lua_State *L, int status, lua_KContext context);

static const struct call shutdown_call = {"shutdown", POLLOUT, shutdown_step};

static int shutdown_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *s = stream_check_open(L, 1, "shutdown", context);
    struct wait w;
    size_t unsent;

    (void)status;
    if (s->out.pending != NULL) {
        int flags =
            wait_start(L, &w, &shutdown_call, &s->socket->handle, 0, context);

        if (!stream_flush(L, s, &w, flags, &unsent))
            return wait_failed(L, &w, 0);
    }
    lua_getiuservalue(L, 1, 1);
    lua_getfield(L, -1, "shutdown");
    lua_insert(L, -2);
    lua_pushvalue(L, 2);
    lua_call(L, 2, 0);
    lua_settop(L, 1);
    return 1;
}

/*** Send what was written, and end one direction or both: `Socket:shutdown`.
@function Stream:shutdown
@string how `"wr"`: the peer reads the end, and may go on writing; `"rd"`;
`"rdwr"`
@treturn Stream itself; `false` where it would have to wait and must not
@raise as `write` and `Socket:shutdown`
*/
static int stream_shutdown(lua_State *L)
{
    stream_check_open(L, 1, "shutdown", 0);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    return shutdown_step(L, LUA_OK, WAIT_FIRST);
}

/*** How what is written is kept.
@function Stream:setvbuf
@string mode `"auto"`: inside a task until it waits, elsewhere not at all;
`"no"`: not at all; `"full"`: up to `flush`, `shutdown`, `close`, or the size
@int[opt=65536] size how many bytes at most
@treturn Stream itself
@raise argument error for another mode, or a size that is not positive
*/
static int stream_setvbuf(lua_State *L)
{
    static const char *const modes[] = {"auto", "no", "full", NULL};
    struct stream *s = stream_check(L, 1);
    int mode = luaL_checkoption(L, 2, NULL, modes);
    lua_Integer size = luaL_optinteger(L, 3, 65536);

    luaL_argcheck(L, size > 0, 3, "size must be positive");
    s->buffering = (uint8_t)mode;
    s->limit = size_of_integer(size);
    lua_settop(L, 1);
    return 1;
}

void open_stream_write(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"flush", stream_flush_method},
        {"setvbuf", stream_setvbuf},
        {"shutdown", stream_shutdown},
        {"write", stream_write},
        {NULL, NULL},
    };

    stream_add_methods(L, methods);
}
