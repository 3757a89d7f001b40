/*
 * stream: the userdata: made from a socket, collected; how its buffers are
 * filled and flushed.
 *
 * Functions named sockeye_* are the module's; stream_*, if their only parameter
 * is a lua_State, are methods and metamethods.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/process.h"
#include "base/metatable.h"
#include "base/size.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/transfer.h"
#include "stream/stream.h"
#include "stream/unsent.h"

#define STREAM_TYPE "sockeye.Stream"
#define USUAL_MAX 65536
#define MOST_AT_ONCE ((size_t)1 << 20) /* bytes of one attempt to receive */

const char stream_tag = 'c';

/* What a stream has that owns nothing (any more). */
static struct socket closed_socket = {.handle = {.fd = -1}};

struct stream *stream_check(lua_State *L, int arg)
{
    struct stream *s = stream_test(L, arg);

    if (s == NULL)
        luaL_typeerror(L, arg, STREAM_TYPE);
    return s;
}

struct stream *stream_reject(lua_State *L, int arg, const char *call,
                             lua_KContext context)
{
    stream_check(L, arg);
    if (context == WAIT_FIRST)
        error_raise_because(L, call, EBADF, "the stream is closed");
    wait_raise_closed(L, call);
    return NULL;
}

struct stream *stream_new(lua_State *L, int values)
{
    struct stream *s = lua_newuserdatauv(L, sizeof *s, values);

    *s = (struct stream){
        .tag = &stream_tag,
        .socket = &closed_socket,
        .max = USUAL_MAX,
        .limit = USUAL_MAX,
        .out = {.handle = &closed_socket.handle,
                .pool = block_pool(L),
                .process = process_number},
    };
    luaL_setmetatable(L, STREAM_TYPE);
    return s;
}

void stream_use(struct stream *s, struct socket *socket)
{
    s->socket = socket;
    s->out.handle = &socket->handle;
    s->out.is_socket = socket->type != 0;
}

/* ---- its settings ---- */

/*** Set the maximum length of a line, and of what `read_until` returns.
@function Stream:setmax
@int[opt=65536] bytes without the newline or delimiter
@treturn Stream itself
@raise argument error for a number that is not positive
*/
static int stream_setmax(lua_State *L)
{
    struct stream *s = stream_check(L, 1);
    lua_Integer max = luaL_optinteger(L, 2, USUAL_MAX);

    luaL_argcheck(L, max > 0, 2, "bytes must be positive");
    s->max = size_of_integer(max);
    lua_settop(L, 1);
    return 1;
}

/* ---- receiving ---- */

/* Receive up to `space` bytes into `b`. Sets *may_drain if a result less than
 * `space` means that nothing is left. */
static ssize_t receive_once(const struct socket *s, const struct wait *w,
                            struct block *b, size_t space, int flags,
                            bool *may_drain)
{
    bool has_stopped = false;
    bool drains = w->task != NULL && transfer_gives_all(s);
    char *bytes = b->bytes + b->end;
    ssize_t n;

    if (drains && s->family == AF_UNIX)
        n = descriptor_read_unix(s->handle.fd, bytes, space, flags,
                                 &has_stopped);
    else
        n = descriptor_read(s->handle.fd, s->type != 0, bytes, space, flags);
    *may_drain = drains && !has_stopped;
    return n;
}

/* A block is taken just before reading and returned if nothing came, so that
 * waiting tasks hold none. */
static ssize_t receive(lua_State *L, struct stream *s, const struct wait *w,
                       size_t wanted, int flags)
{
    size_t space = block_space(&s->in, s->out.pool, wanted);
    struct block *b = s->in;
    bool may_drain;
    ssize_t n;
    int error;

    if (space == 0)
        error_raise(L, w->call->name, ENOMEM, 0);
    if (space > MOST_AT_ONCE)
        space = MOST_AT_ONCE;
    n = receive_once(s->socket, w, b, space, flags, &may_drain);
    error = errno;
    if (n > 0)
        b->end += (size_t)n;
    if (n > 0 && (size_t)n < space && may_drain)
        wait_note_drained(w);
    block_consume(&s->in, s->out.pool, 0);
    errno = error;
    return n;
}

void stream_note_error(struct stream *s, int error)
{
    if (error != EAGAIN && error != EWOULDBLOCK && error != EINTR &&
        error != EBADF && error != ENOMEM && error != ENOBUFS)
        s->error = error;
}

/* Make one attempt. A descriptor that is no socket must be ready first, if it
 * must not block. -2: it is not; `w` says why. */
static ssize_t attempt(lua_State *L, struct stream *s, struct wait *w,
                       size_t wanted, int flags)
{
    bool blocks = wait_blocks(w->handle);
    ssize_t n;

    if (wait_is_drained(w)) {
        errno = EAGAIN;
        return -1;
    }
    if (!stream_is_socket(s) && !blocks && !wait_until_ready(L, w))
        return -2;
    n = receive(L, s, w, wanted, flags);
    if (n == 0)
        s->ended = true;
    else if (n == -1)
        stream_note_error(s, errno);
    return n;
}

bool stream_fails_to_send(struct stream *s, const struct wait *w)
{
    if (w->task == NULL || wait_is_nonblocking(w))
        return false;
    if (s->out.place != NULL)
        output_try(&s->out);
    return s->out.error != 0;
}

/* Make an attempt. Raises what the stream could not send, if there is nothing to
 * read after that either. */
static ssize_t attempt_before_wait(lua_State *L, struct stream *s,
                                   struct wait *w, size_t wanted, int flags)
{
    ssize_t n = attempt(L, s, w, wanted, flags);

    if (n != -1 || errno != EAGAIN)
        return n;
    if (stream_fails_to_send(s, w)) {
        n = attempt(L, s, w, wanted, flags);
        if (n == -1 && errno == EAGAIN)
            unsent_raise(L, &s->out, w->call->name);
        return n;
    }
    errno = EAGAIN;
    return -1;
}

bool stream_fill(lua_State *L, struct stream *s, struct wait *w, size_t wanted)
{
    int flags = wait_blocks(w->handle) ? 0 : MSG_DONTWAIT;
    ssize_t n;

    if (s->error != 0) {
        w->outcome = WAIT_ERROR;
        w->error = s->error;
        return false;
    }
    do
        n = attempt_before_wait(L, s, w, wanted, flags);
    while (n == -1 && transfer_reads_again(L, s->socket, w, &flags));
    return n >= 0;
}

/* ---- sending ---- */

bool stream_flush(lua_State *L, struct stream *s, struct wait *w, int flags,
                  size_t *unsent)
{
    bool goes_on;
    int error;

    do {
        size_t before = block_used(s->out.pending);

        error = output_send_once(&s->out, flags);
        *unsent = block_used(s->out.pending);
        if (error == 0 && *unsent == 0)
            return true;
        errno = error;
        goes_on =
            error == 0 ? wait_go_on(L, w, before - *unsent) : wait_again(L, w);
    } while (goes_on);
    *unsent = block_used(s->out.pending);
    if (error != 0 && error != EAGAIN && error != EINTR)
        output_drop(&s->out);
    else if (w->outcome != WAIT_WOULD_BLOCK)
        output_leave(&s->out);
    return false;
}

/* ---- the end ---- */

void stream_drop_buffers(struct stream *s)
{
    block_drop(&s->in, s->out.pool);
    output_drop(&s->out);
}

/* Only the buffers are freed: the script may still use the socket, which
 * otherwise is collected too. A stream that another finalizer brings back is
 * closed: this one does not run again, so it must not own anything. */
static int stream_gc(lua_State *L)
{
    struct stream *s = stream_check(L, 1);

    output_send(&s->out, MSG_DONTWAIT);
    stream_drop_buffers(s);
    stream_use(s, &closed_socket);
    return 0;
}

/* "stream(inet stream fd 7 127.0.0.1:80 -> 127.0.0.1:51724)" */
static int stream_tostring(lua_State *L)
{
    stream_check(L, 1);
    lua_getiuservalue(L, 1, 1);
    lua_pushfstring(L, "stream%s",
                    luaL_tolstring(L, -1, NULL) + strlen("socket"));
    return 1;
}

/* ---- the type ---- */

static const luaL_Reg methods[] = {
    {"setmax", stream_setmax},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", stream_gc},
    {"__tostring", stream_tostring},
    {NULL, NULL},
};

void stream_add_methods(lua_State *L, const luaL_Reg *more)
{
    metatable_add_methods(L, STREAM_TYPE, more);
}

void stream_add_metamethods(lua_State *L, const luaL_Reg *more)
{
    metatable_push(L, STREAM_TYPE, more);
    lua_pop(L, 1);
}

void open_stream(lua_State *L)
{
    metatable_push_sparse(L, STREAM_TYPE, metamethods);
    socket_mark_wrapper(L);
    lua_pop(L, 1);
    stream_add_methods(L, methods);
}
