/*
 * pipe: from one stream to another, past Lua and, where the system can, past
 * this process.
 *
 * What is between the two when a call ends, however it does, is put back.
 * Follows splice(2), pipe(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/nonblocking.h"
#include "base/sigpipe.h"
#include "open.h"
#include "stream/stream.h"
#include "transit/transit.h"

#define CHUNK ((size_t)65536) /* what a pipe holds */
#define BURST 8               /* chunks, before others have a turn */

#define MOVING_TYPE "sockeye.moving"

enum { FROM = 1, TO, COUNT, STATE };

/* What is known of a call, on its stack, and closed with it. */
struct moving {
    struct stream *from;
    int pipe[2]; /* the ends of the system's; -1: none */
    size_t left;
    size_t moved;
    size_t inside; /* bytes in the system's pipe */
    bool copies;   /* the system cannot splice these */
};

static ssize_t splice_between(int from, int to, size_t size)
{
    struct handle handles[] = {{.fd = from}, {.fd = to}};
    struct end in = {.handle = &handles[0], .offset = CURRENT_POSITION};
    struct end out = {.handle = &handles[1], .offset = CURRENT_POSITION};

    return transit_splice_once(&in, &out, size, false);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- what goes between ---- */

/* Without a pipe the bytes are copied. */
static void make_pipe(struct moving *m)
{
    m->copies = pipe2(m->pipe, O_CLOEXEC | O_NONBLOCK) == -1;
}

static void close_pipe(struct moving *m)
{
    for (int i = 0; i < 2; i++) {
        if (m->pipe[i] != -1)
            close(m->pipe[i]);
        m->pipe[i] = -1;
    }
}

/* What could not go on is unread again. */
static void put_back(struct moving *m)
{
    struct stream *from = m->from;
    struct block *b;
    ssize_t n;

    if (m->inside == 0 || !block_reserve(&from->in, from->out.pool, m->inside))
        return;
    b = from->in;
    do
        n = read(m->pipe[0], b->bytes + b->end, m->inside);
    while (n == -1 && errno == EINTR);
    if (n > 0)
        b->end += (size_t)n;
    m->inside = 0;
    block_consume(&from->in, from->out.pool, 0);
}

/* ---- one attempt ---- */

/* Zero: there is something in the pipe, or the end; or errno. */
static int splice_in(struct moving *m, struct stream *from)
{
    ssize_t n = splice_between(from->socket->handle.fd, m->pipe[1],
                               smaller(m->left, CHUNK));

    if (n == -1) {
        int error = errno;

        if (!way_is_unsupported(error))
            stream_note_error(from, error);
        return error;
    }
    from->ended = n == 0;
    m->inside = (size_t)n;
    return 0;
}

/* Zero: some of it has gone on; or errno. */
static int splice_out(struct moving *m, const struct stream *to)
{
    ssize_t n = splice_between(m->pipe[0], to->socket->handle.fd, m->inside);

    if (n == -1)
        return errno;
    m->inside -= (size_t)n;
    m->moved += (size_t)n;
    m->left -= (size_t)n;
    return 0;
}

/* Zero: for now, or for good; or errno, in this direction. */
static int splice_burst(struct moving *m, struct stream *from,
                        const struct stream *to, enum direction *direction)
{
    int error = 0;

    for (int i = 0; i < 2 * BURST && error == 0; i++) {
        if (m->inside == 0 && (m->left == 0 || from->ended))
            break;
        *direction = m->inside == 0 ? READING : WRITING;
        error = m->inside == 0 ? splice_in(m, from) : splice_out(m, to);
    }
    return error;
}

/* The same, waiting in the kernel where that may be. */
static int splice_some(struct moving *m, struct stream *from,
                       const struct stream *to, enum direction *direction)
{
    bool waits =
        wait_blocks(&from->socket->handle) && wait_blocks(&to->socket->handle);
    struct nonblocking u[2];
    struct sigpipe_state q;
    int error;

    sigpipe_block(&q);
    if (waits) {
        error = splice_burst(m, from, to, direction);
    } else {
        nonblocking_begin(&u[0], from->socket->handle.fd);
        nonblocking_begin(&u[1], to->socket->handle.fd);
        error = splice_burst(m, from, to, direction);
        nonblocking_end(&u[1]);
        nonblocking_end(&u[0]);
    }
    sigpipe_restore(&q, true);
    return error;
}

/* What has been received goes first: zero, or errno. */
static int send_received(struct moving *m, struct stream *from,
                         const struct stream *to)
{
    struct block *b = from->in;
    int fd = to->socket->handle.fd;
    size_t size = smaller(m->left, block_used(b));
    ssize_t n;

    if (!stream_is_socket(to) && !descriptor_is_ready(fd, POLLOUT))
        return EAGAIN;
    n = descriptor_write(fd, stream_is_socket(to), b->bytes + b->start, size,
                         MSG_DONTWAIT);
    if (n == -1)
        return errno;
    block_consume(&from->in, from->out.pool, (size_t)n);
    from->taken += (size_t)n;
    m->moved += (size_t)n;
    m->left -= (size_t)n;
    return 0;
}

/* ---- the call ---- */

static int pipe_step(lua_State *L, int status, lua_KContext context);

static const struct call read_call = {"pipe", POLLIN, pipe_step};
static const struct call write_call = {"pipe", POLLOUT, pipe_step};

static int fail_pipe(lua_State *L, const struct wait *w, const struct moving *m)
{
    if (w->outcome == WAIT_WOULD_BLOCK) {
        lua_pushboolean(L, false);
        lua_pushinteger(L, (lua_Integer)m->moved);
        return 2;
    }
    wait_push_error(L, w, 0);
    field_set_integer(L, "sent", (lua_Integer)m->moved);
    return lua_error(L);
}

/* After an attempt that moved nothing: whether to try again. */
static bool wait_to_move(lua_State *L, struct wait *w, struct moving *m,
                         int error)
{
    if (way_is_unsupported(error) && !m->copies) {
        put_back(m);
        m->copies = true;
        return true;
    }
    errno = error;
    if ((error != EAGAIN && error != EWOULDBLOCK) || wait_is_nonblocking(w))
        return wait_again(L, w);
    return wait_ready(L, w);
}

/* One step on the way. False: `w` says why there is no other. */
static bool move_on(lua_State *L, struct wait *w, struct moving *m,
                    struct stream *from, struct stream *to,
                    lua_KContext context)
{
    bool fills =
        from->in == NULL && m->inside == 0 && (m->copies || from->error != 0);
    enum direction direction = fills ? READING : WRITING;
    size_t before = m->moved + m->inside;
    int error = 0;
    size_t unsent;
    int flags;

    if (!fills && to->out.pending == NULL)
        error = from->in != NULL ? send_received(m, from, to)
                                 : splice_some(m, from, to, &direction);
    /* A time-out is for a time in which nothing moves. */
    flags = wait_start(L, w, direction == READING ? &read_call : &write_call,
                       direction == READING ? &from->socket->handle
                                            : &to->socket->handle,
                       0, m->moved + m->inside > before ? 0 : context);
    w->resume = 1;
    wait_charge(w, (m->moved + m->inside - before) / TRANSIT_SHARE);
    if (to->out.pending != NULL)
        return stream_flush(L, to, w, flags, &unsent);
    if (fills)
        return stream_fill(L, from, w, smaller(m->left, CHUNK));
    return error == 0 || wait_to_move(L, w, m, error);
}

static bool has_more(const struct moving *m, const struct stream *from)
{
    if (m->inside > 0)
        return true;
    return m->left > 0 && (from->in != NULL || !from->ended);
}

static int pipe_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *from = lua_touserdata(L, FROM);
    struct stream *to = lua_touserdata(L, TO);
    struct moving *m = lua_touserdata(L, STATE);
    struct wait w;

    (void)status;
    if (context != 0 && wait_is_in_task()) {
        if (!wait_may_continue(&w, &write_call))
            return fail_pipe(L, &w, m);
        context = context == WAIT_POSTPONED ? 0 : context;
    }
    for (; has_more(m, from); context = 0) {
        if (!move_on(L, &w, m, from, to, context))
            return fail_pipe(L, &w, m);
    }
    lua_pushinteger(L, (lua_Integer)m->moved);
    return 1;
}

/*** Move bytes to another stream, without making strings of them (splice(2)).
What was written to the other stream before goes first. Both streams can be used
afterwards; `other` is not shut down.
@function Stream:pipe
@tparam Stream other where they go
@int[opt] count how many bytes at most; otherwise all up to the end
@treturn int how many bytes were moved
@return `false` and how many bytes were moved, where it would have to wait and
must not
@raise as `read` and `write`, for the one or the other; a time-out counts from
the last byte that was moved. The error's `sent` is how many bytes were moved;
what was not is still there to be read.
@usage client:pipe(upstream) upstream:shutdown("wr")
*/
static int stream_pipe(lua_State *L)
{
    struct moving *m;
    bool has_count = !lua_isnoneornil(L, COUNT);
    lua_Integer count = luaL_optinteger(L, COUNT, 0);

    stream_check_open(L, FROM, "pipe", 0);
    stream_check_open(L, TO, "pipe", 0);
    luaL_argcheck(L, count >= 0, COUNT, "count must not be negative");
    lua_settop(L, COUNT);
    m = lua_newuserdatauv(L, sizeof *m, 0);
    *m = (struct moving){
        .from = lua_touserdata(L, FROM),
        .pipe = {-1, -1},
        .left = has_count ? (size_t)count : SIZE_MAX,
    };
    luaL_setmetatable(L, MOVING_TYPE);
    lua_toclose(L, STATE);
    make_pipe(m);
    return pipe_step(L, LUA_OK, 0);
}

static int moving_close(lua_State *L)
{
    struct moving *m = luaL_checkudata(L, 1, MOVING_TYPE);

    put_back(m);
    close_pipe(m);
    return 0;
}

/* Of a task that was left where it stood, and its streams with it. */
static int moving_gc(lua_State *L)
{
    close_pipe(luaL_checkudata(L, 1, MOVING_TYPE));
    return 0;
}

void open_pipe(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__close", moving_close},
        {"__gc", moving_gc},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"pipe", stream_pipe},
        {NULL, NULL},
    };

    luaL_newmetatable(L, MOVING_TYPE);
    luaL_setfuncs(L, metamethods, 0);
    lua_pop(L, 1);
    stream_add_methods(L, methods);
}
