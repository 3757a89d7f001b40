/*
 * write: the methods write, flush, shutdown and setvbuf of a stream.
 *
 * What is written is kept in one block and sent by one system call: before the
 * task waits (loop/output.h), when there is too much of it, or on flush.
 * Follows Lua's file:write, setvbuf(3), sendmsg(2).
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/field.h"
#include "base/nearest.h"
#include "base/nosignal.h"
#include "base/size.h"
#include "base/text.h"
#include "open.h"
#include "stream/stream.h"
#include "stream/unsent.h"
#include "task/task.h"

#define DIRECT 16384 /* bytes: longer data is sent without copying it */
#define IOV_MOST 64

/* The two phases of write: what its progress is. */
enum { TAKING, SENDING };

/* Whether the stream keeps what is written, to be sent later. */
static bool keeps_data(lua_State *L, const struct stream *s)
{
    if (s->buffering == BUFFER_AUTO)
        return wait_is_in_task(L);
    return s->buffering == BUFFER_FULL;
}

/* Whether so many bytes are sent without copying them, if none are pending. */
static bool sends_directly(lua_State *L, const struct stream *s, size_t total)
{
    if (s->buffering == BUFFER_FULL)
        return total > s->limit;
    return total >= DIRECT || !keeps_data(L, s);
}

/* Arrange for pending data to be sent before the task waits. */
static void note_pending(lua_State *L, struct stream *s)
{
    if (s->buffering != BUFFER_FULL && s->out.pending != NULL &&
        keeps_data(L, s))
        output_join(&s->out, &loop_running()->outputs);
}

/* Convert the arguments of write, from 2 to `last`, to strings. Returns their
 * total length. */
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

/* Keep all but the first `sent` bytes of the arguments. */
static void keep(lua_State *L, struct stream *s, int last, size_t total,
                 size_t sent)
{
    if (total == sent)
        return;
    output_own(&s->out);
    check_memory(L, block_reserve(&s->out.pending, s->out.pool, total - sent));
    for (int arg = 2; arg <= last; arg++) {
        size_t size;
        const char *data = lua_tolstring(L, arg, &size);
        size_t skipped = sent < size ? sent : size;

        block_append(s->out.pending, data + skipped, size - skipped);
        sent -= skipped;
    }
}

/* Send the arguments without copying them. Returns how many bytes were sent.
 * Raises any error but having to wait. */
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
    n = nosignal_sendmsg(s->socket->handle.fd, &message, flags);
    if (n != -1)
        return (size_t)n;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        unsent_push_error(L, "write", errno);
        lua_error(L);
    }
    return 0;
}

/* Send the arguments, or make them pending. */
static void take_over(lua_State *L, struct stream *s, int last, int flags)
{
    size_t total = check_data(L, last);
    size_t sent = 0;

    if (sends_directly(L, s, total) && total > 0 && s->out.pending == NULL &&
        stream_is_socket(s))
        sent = send_direct(L, s, last, flags);
    keep(L, s, last, total, sent);
    note_pending(L, s);
}

static bool has_to_send(lua_State *L, const struct stream *s)
{
    return s->out.pending != NULL &&
           (!keeps_data(L, s) || block_used(s->out.pending) > s->limit);
}

/* Raise why writing failed. The `total` bytes of the arguments were the last of
 * the pending ones, of which `unsent` are not sent. */
static int fail_writing(lua_State *L, const struct wait *w, size_t total,
                        size_t unsent)
{
    unsent_push_failure(L, w);
    field_set_integer(L, "sent",
                      (lua_Integer)(total > unsent ? total - unsent : 0));
    return lua_error(L);
}

/* Whether a call that only keeps data may be made without others taking their
 * turns. */
static bool draws_on_budget(void)
{
    struct task *t = loop_running();

    return !task_has_coroutine(t) || t->budget-- > 0;
}

static int write_step(lua_State *L, int status, lua_KContext context);

static const struct call write_call = {"write", POLLOUT, write_step};

/* TAKING: wait for space, then take the data. SENDING: flush what exceeds the
 * limit. */
static int write_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *s = stream_check_writable(L, 1, "write", context);
    int last = lua_gettop(L);
    struct wait w;
    int flags = wait_start(L, &w, &write_call, &s->socket->handle, 0, context);
    size_t unsent;

    (void)status;
    unsent_check(L, &s->out, "write");
    if (w.progress != SENDING) {
        if (block_used(s->out.pending) > s->limit &&
            !stream_flush(L, s, &w, flags, &unsent))
            return w.outcome == WAIT_WOULD_BLOCK ? wait_failed(L, &w, 0)
                                                 : fail_writing(L, &w, 0, 0);
        take_over(L, s, last, flags);
    }
    w.progress = SENDING;
    if (has_to_send(L, s) && !stream_flush(L, s, &w, flags, &unsent) &&
        w.outcome != WAIT_WOULD_BLOCK)
        return fail_writing(L, &w, check_data(L, last), unsent);
    lua_settop(L, 1);
    return 1;
}

/*** Write strings and numbers.
By default, data written inside a task is kept and sent by one system call: when
the task next waits for anything, when it ends, or when there are more than 64
KiB. Outside of tasks it is sent at once. `setvbuf` changes this. `os.exit` in a
task sends it, and waits for a slow peer: for the stream's time-out, or until the
peer has taken nothing for 5 seconds.
@function Stream:write
@param ... strings, or numbers, which are converted as by `tostring`
@treturn Stream itself; `false` if the buffer is full and it would have to wait
in non-blocking mode: then nothing is written
@raise EPIPE, ECONNRESET, …; ETIMEDOUT with `timeout`, ECANCELED: then unsent
data is kept until the next `flush`. The error's `sent` is how many bytes of
this call were sent. If the data is sent when the task waits, that wait raises
the error, with `"flush"` as its `call`.
@usage
conn:write("HTTP/1.0 200 OK\r\nContent-Length: ", #body, "\r\n\r\n", body)
*/
static int stream_write(lua_State *L)
{
    struct stream *s = stream_check_writable(L, 1, "write", 0);
    int last = lua_gettop(L);
    size_t total = check_data(L, last);

    if (sends_directly(L, s, total) || s->out.error != 0 ||
        block_used(s->out.pending) + total > s->limit || !draws_on_budget())
        return write_step(L, LUA_OK, WAIT_FIRST);
    keep(L, s, last, total, 0);
    note_pending(L, s);
    lua_settop(L, 1);
    return 1;
}

static int flush_step(lua_State *L, int status, lua_KContext context);

static const struct call flush_call = {"flush", POLLOUT, flush_step};

static int flush_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *s = stream_check_writable(L, 1, "flush", context);
    struct wait w;
    int flags = wait_start(L, &w, &flush_call, &s->socket->handle, 0, context);
    size_t unsent;

    (void)status;
    unsent_check(L, &s->out, "flush");
    if (!stream_flush(L, s, &w, flags, &unsent))
        return unsent_fail(L, &w);
    return 1;
}

/*** Send what was written.
@function Stream:flush
@treturn Stream itself; `false` if it would have to wait in non-blocking mode
@raise as `write`
*/
static int stream_flush_method(lua_State *L)
{
    lua_settop(L, 1);
    return flush_step(L, LUA_OK, WAIT_FIRST);
}

/* Stack: the stream, the direction. */
static int shutdown_step(lua_State *L, int status, lua_KContext context);

static const struct call shutdown_call = {"shutdown", POLLOUT, shutdown_step};

static int shutdown_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *s = stream_check_writable(L, 1, "shutdown", context);
    struct wait w;
    size_t unsent;
    int flags;

    (void)status;
    unsent_check(L, &s->out, "shutdown");
    flags = wait_start(L, &w, &shutdown_call, &s->socket->handle, 0, context);
    if (!stream_flush(L, s, &w, flags, &unsent))
        return unsent_fail(L, &w);
    lua_getiuservalue(L, 1, 1);
    lua_getfield(L, -1, "shutdown");
    lua_insert(L, -2);
    lua_pushvalue(L, 2);
    lua_call(L, 2, 0);
    lua_settop(L, 1);
    return 1;
}

/*** Send what was written, and close one direction or both, as
`Socket:shutdown`.
@function Stream:shutdown
@string how `"wr"`: the peer reads the end, and may still write; `"rd"`: no more
is received; `"rdwr"`: both
@treturn Stream itself; `false` if it would have to wait in non-blocking mode
@raise as `write` and `Socket:shutdown`
*/
static int stream_shutdown(lua_State *L)
{
    stream_check_writable(L, 1, "shutdown", 0);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    return shutdown_step(L, LUA_OK, WAIT_FIRST);
}

static uint8_t check_mode(lua_State *L, int arg)
{
    static const char *const modes[] = {"auto", "no", "full", NULL};
    const char *name = text_check(L, arg, "mode");
    struct nearest nearest;

    nearest_start(&nearest, name, strlen(name));
    for (uint8_t i = 0; modes[i] != NULL; i++) {
        if (strcmp(modes[i], name) == 0)
            return i;
        nearest_offer(&nearest, modes[i]);
    }
    return (uint8_t)nearest_argerror(L, arg, "mode", &nearest);
}

/*** Set how long written data is kept before it is sent.
@function Stream:setvbuf
@string mode `"auto"`: until the task waits, and outside of tasks not at all;
`"no"`: not at all; `"full"`: until `flush`, `shutdown` or `close`, or until
there are `size` bytes. `os.exit` without its second argument does not send
them, nor does it with that where the peer would have to be waited for: call
`flush` before
@int[opt=65536] size the maximum number of bytes kept
@treturn Stream itself
@raise argument error for another mode, or a size that is not positive
*/
static int stream_setvbuf(lua_State *L)
{
    struct stream *s = stream_check(L, 1);
    uint8_t mode = check_mode(L, 2);
    lua_Integer size = luaL_optinteger(L, 3, 65536);

    luaL_argcheck(L, size > 0, 3, "size must be positive");
    s->buffering = mode;
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
