/*
 * transit: a call that moves bytes from one descriptor to another; see
 * transit.h.
 *
 * Follows lseek(2), fcntl(2). Bytes that were taken but not delivered are put
 * back where they came from, or returned with the error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/metatable.h"
#include "base/text.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/transfer.h"
#include "task/loops.h"
#include "transit/transit.h"

#define TRANSIT_TYPE "sockeye.transit"

/* ---- bytes taken but not delivered ---- */

static void close_quietly(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}

/* Move a file's position back by `size` bytes. False: the descriptor has no
 * positions. */
static bool rewind_file(const struct transit *m, size_t size)
{
    return m->from.offset != CURRENT_POSITION ||
           (m->from.kind != S_IFSOCK && m->from.handle->fd != -1 &&
            lseek(m->from.handle->fd, -(off_t)size, SEEK_CUR) != -1);
}

/* Put back the bytes that were not delivered. Returns how many could not be put
 * back. */
static size_t put_back(struct transit *m)
{
    size_t size;

    if (m->from.stream != NULL)
        transit_unread(m);
    size = transit_buffered(m);
    if (size == 0 || m->from.stream != NULL || !rewind_file(m, size))
        return size;
    m->piped = 0;
    block_drop(&m->held, m->pool);
    return 0;
}

/* Push the bytes that were not delivered, as one string. */
static void push_buffered(lua_State *L, struct transit *m)
{
    size_t held = block_used(m->held);
    luaL_Buffer b;
    char *bytes = luaL_buffinitsize(L, &b, held + m->piped);
    ssize_t n;

    if (held > 0)
        memcpy(bytes, m->held->bytes + m->held->start, held);
    do
        n = m->piped > 0 ? read(m->pipe[0], bytes + held, m->piped) : 0;
    while (n == -1 && errno == EINTR);
    if (n == -1)
        error_raise(L, "read", errno, 0);
    luaL_pushresultsize(&b, held + (size_t)n);
}

/* ---- the call ---- */

static int fail_transit(lua_State *L, const struct wait *w, struct transit *m)
{
    bool has_partial = put_back(m) > 0;

    if (w->outcome == WAIT_WOULD_BLOCK) {
        lua_pushboolean(L, false);
        lua_pushinteger(L, (lua_Integer)m->moved);
        if (has_partial)
            push_buffered(L, m);
        return has_partial ? 3 : 2;
    }
    wait_push_error(L, w, 0);
    field_set_integer(L, "sent", (lua_Integer)m->moved);
    if (has_partial) {
        push_buffered(L, m);
        lua_setfield(L, -2, "partial");
    }
    return lua_error(L);
}

static void note_end(struct transit *m)
{
    if (m->from.stream != NULL)
        m->from.stream->ended = true;
    else
        m->ended = true;
}

/* Whether nothing comes any more from a datagram socket that was shut down for
 * reading: then one more attempt, after that is known, has got nothing. Returns
 * whether to look again at once; if that cannot be known, sets the error. */
static bool meets_end(struct transit *m, int *error, enum direction direction)
{
    if ((*error != EAGAIN && *error != EWOULDBLOCK) || direction != READING ||
        m->from.kind != S_IFSOCK)
        return false;
    if (!m->shut) {
        *error = transfer_test_shut(m->from.handle->fd);
        m->shut = *error == 0;
        return m->shut;
    }
    note_end(m);
    return true;
}

/* Whether splice(2) has moved nothing to a pipe because of that end: it says only
 * that it would have to wait, though both are ready. */
static bool has_met_end(const struct transit *m)
{
    int fd = m->from.handle->fd;
    char byte;

    return m->from.kind == S_IFSOCK && transfer_test_shut(fd) == 0 &&
           recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* After an attempt that failed with `error`: choose another way, or wait.
 * Returns whether to try again. */
static bool try_again(lua_State *L, struct wait *w, struct transit *m,
                      bool waits, int error)
{
    if (transit_find_way(m, error))
        return true;
    if (!waits && (error == EAGAIN || error == EWOULDBLOCK) &&
        !wait_is_nonblocking(w))
        return wait_ready(L, w);
    errno = error;
    return wait_again(L, w);
}

/* Whether the source is a stream that could not send what its peer may wait for.
 * Then `w` says so. */
static bool fails_to_ask(struct wait *w, const struct transit *m, int error,
                         enum direction direction)
{
    struct stream *s = m->from.stream;

    if ((error != EAGAIN && error != EWOULDBLOCK) || direction != READING ||
        s == NULL || !stream_fails_to_send(s, w))
        return false;
    w->outcome = s->out.timed_out ? WAIT_TIMED_OUT : WAIT_ERROR;
    w->error = s->out.error;
    output_drop(&s->out);
    return true;
}

static bool is_open(struct wait *w, const struct transit *m,
                    lua_KContext context)
{
    if (m->from.handle->fd != -1 && m->to.handle->fd != -1)
        return true;
    w->call = &m->calls[WRITING];
    if (context != WAIT_FIRST || m->moved > 0)
        return wait_end_closed(w);
    w->outcome = WAIT_ERROR;
    w->error = EBADF;
    return false;
}

static struct stream *stream_to_flush(const struct transit *m)
{
    struct stream *s = m->to.stream;

    return s != NULL && s->out.pending != NULL ? s : NULL;
}

/* Data already written to the destination stream is sent even if the file is
 * empty. */
static bool has_more(const struct transit *m)
{
    return transit_buffered(m) > 0 || transit_has_input(m) ||
           (m->from.stream == NULL && stream_to_flush(m) != NULL);
}

/* Begin the waiting of a step. The clock goes on where nothing has moved. */
static int start_step(lua_State *L, struct wait *w, const struct transit *m,
                      enum direction direction, bool renews,
                      lua_KContext context)
{
    int64_t deadline = w->deadline;
    int flags = wait_resume(
        L, w, &m->calls[direction],
        direction == READING ? m->from.handle : m->to.handle, 0, context);

    if (!renews)
        w->deadline = deadline;
    return flags;
}

/* After an attempt: whether to make the next one. One that neither moved
 * anything nor failed may be made again at once, but not for ever. */
static bool go_on(lua_State *L, struct wait *w, struct transit *m, bool waits,
                  int error, bool moved, enum direction direction)
{
    bool in_vain = error == 0 && !moved && !waits;

    m->vain = in_vain ? m->vain + 1 : 0;
    if (in_vain && !wait_is_nonblocking(w) && has_met_end(m)) {
        note_end(m);
        return true;
    }
    if (m->vain > 1 && !wait_is_nonblocking(w))
        return wait_briefly(L, w, m->vain - 1);
    if (m->vain > 1)
        error = EAGAIN;
    if (!wait_is_nonblocking(w) && meets_end(m, &error, direction))
        return true;
    if (fails_to_ask(w, m, error, direction))
        return false;
    return error == 0 || try_again(L, w, m, waits, error);
}

/* Move some bytes, or wait. False: `w` says why the call ends. The time-out
 * starts again whenever bytes have moved. */
static bool move_once(lua_State *L, struct wait *w, struct transit *m,
                      lua_KContext context)
{
    struct stream *flushed = stream_to_flush(m);
    bool fills = flushed == NULL && transit_fills(m);
    bool tries = flushed == NULL && !fills;
    bool waits = wait_blocks(m->from.handle) && wait_blocks(m->to.handle);
    uint64_t before = m->moved + transit_buffered(m);
    enum direction direction = fills ? READING : WRITING;
    int error = 0;
    size_t progress, unsent;
    int flags;

    if (!is_open(w, m, context))
        return false;
    if (tries)
        error = transit_try(m, waits, &direction);
    progress = (size_t)(m->moved + transit_buffered(m) - before);
    flags = start_step(L, w, m, direction, progress > 0 || !tries,
                       progress > 0 ? WAIT_FIRST : context);
    if (flushed != NULL)
        return stream_flush(L, flushed, w, flags, &unsent);
    if (fills)
        return stream_fill(L, m->from.stream, w,
                           m->left < WAY_CHUNK ? (size_t)m->left : WAY_CHUNK);
    return go_on(L, w, m, waits, error, progress > 0 || !has_more(m),
                 direction);
}

/* Begin the step that runs now, in a task or outside. False: `w` says why the
 * call ends. */
static bool begin(lua_State *L, struct wait *w, const struct transit *m,
                  lua_KContext context)
{
    const struct call *call = &m->calls[WRITING];

    if (context > WAIT_FIRST && wait_is_in_task(L))
        return wait_may_continue(w, call);
    wait_resume(L, w, call, m->to.handle, 0, context);
    return wait_take_turn(L, w);
}

int transit_step(lua_State *L, int status, lua_KContext context)
{
    struct transit *m = lua_touserdata(L, TRANSIT);
    struct wait w = {.deadline = 0};
    uint64_t before = m->moved;
    bool goes_on = begin(L, &w, m, context);

    (void)status;
    context = context == WAIT_POSTPONED ? WAIT_FIRST : context;
    while (goes_on && has_more(m)) {
        goes_on = move_once(L, &w, m, context);
        if (goes_on && m->moved > before && has_more(m))
            goes_on = wait_go_on(L, &w, (size_t)(m->moved - before));
        before = m->moved;
        context = WAIT_FIRST;
    }
    if (!goes_on)
        return fail_transit(L, &w, m);
    lua_pushinteger(L, (lua_Integer)m->moved);
    return 1;
}

int transit_run(lua_State *L, struct transit *m)
{
    m->from.own.timeout = m->to.handle->timeout;
    m->to.own.timeout = m->from.handle->timeout;
    return transit_step(L, LUA_OK, WAIT_FIRST);
}

/* ---- the two ends ---- */

/* Make `fd` an end that the transit owns. */
static void own_descriptor(struct end *end, int fd)
{
    struct stat status;

    end->own = (struct handle){.fd = fd, .timeout = NO_DEADLINE};
    end->handle = &end->own;
    if (fstat(fd, &status) == 0)
        end->kind = status.st_mode & S_IFMT;
}

/* Flush the Lua file at `arg`, if it is one: it drops what it has read ahead
 * and writes its buffer, so that the descriptor's position is the file's. */
static void flush_file(lua_State *L, int arg, const char *call)
{
    const luaL_Stream *file = luaL_testudata(L, arg, LUA_FILEHANDLE);

    if (file != NULL && file->closef != NULL && fflush(file->f) == EOF)
        error_raise(L, call, errno, 0);
}

void transit_end_take(lua_State *L, struct end *end, int arg, const char *call)
{
    struct socket *s = socket_test(L, arg);
    struct stat status;
    bool collected = false;
    int fd = socket_check_descriptor(L, arg, call);

    luaL_argcheck(L, stream_test(L, arg) == NULL, arg,
                  "use Stream:pipe for a stream");
    if (s != NULL) {
        end->handle = &s->handle;
        if (fstat(fd, &status) == 0)
            end->kind = status.st_mode & S_IFMT;
        return;
    }
    flush_file(L, arg, call);
    do
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    while (fd == -1 && descriptor_collect(L, errno, &collected) &&
           (fd = socket_check_descriptor(L, arg, call)) >= 0);
    if (fd == -1)
        error_raise(L, call, errno, 0);
    own_descriptor(end, fd);
}

/* O_NONBLOCK: opening a named pipe must not wait for a writer. */
static void take_path(lua_State *L, struct end *end, int arg, const char *call)
{
    const char *path = text_check(L, arg, "name");
    bool collected = false;
    int fd;

    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (fd == -1 &&
           (errno == EINTR || descriptor_collect(L, errno, &collected)));
    if (fd == -1)
        error_raise_for(L, call, "open", errno, arg);
    own_descriptor(end, fd);
}

void transit_end_stream(lua_State *L, struct end *end, int arg,
                        const char *call)
{
    struct stream *s = stream_check_open(L, arg, call, 0);
    struct stat status;

    end->stream = s;
    end->handle = &s->socket->handle;
    if (stream_is_socket(s))
        end->kind = S_IFSOCK;
    else if (fstat(end->handle->fd, &status) == 0)
        end->kind = status.st_mode & S_IFMT;
}

void transit_end_open(lua_State *L, struct end *end, int arg, const char *call)
{
    if (lua_type(L, arg) != LUA_TSTRING) {
        transit_end_take(L, end, arg, call);
        return;
    }
    take_path(L, end, arg, call);
    if (end->kind == S_IFDIR)
        error_raise(L, call, EISDIR, arg);
}

int64_t transit_offset(lua_State *L, int arg)
{
    lua_Integer offset;

    if (lua_isnoneornil(L, arg))
        return CURRENT_POSITION;
    offset = luaL_checkinteger(L, arg);
    luaL_argcheck(L, offset >= 0, arg, "offset must not be negative");
    return offset;
}

uint64_t transit_count(lua_State *L, int arg)
{
    lua_Integer count;

    if (lua_isnoneornil(L, arg))
        return UINT64_MAX;
    count = luaL_checkinteger(L, arg);
    luaL_argcheck(L, count >= 0, arg, "count must not be negative");
    return (uint64_t)count;
}

/* ---- the type ---- */

/* Unregister the descriptor before closing it: as a duplicate shares its open
 * file with another descriptor, the kernel would keep the registration. */
static void drop_end(lua_State *L, struct end *end)
{
    loop_forget(task_loops_if_any(L), &end->own, false);
    close_quietly(&end->own.fd);
}

static int transit_close(lua_State *L)
{
    struct transit *m = luaL_checkudata(L, 1, TRANSIT_TYPE);

    put_back(m);
    block_drop(&m->held, m->pool);
    m->piped = 0;
    close_quietly(&m->pipe[0]);
    close_quietly(&m->pipe[1]);
    drop_end(L, &m->from);
    drop_end(L, &m->to);
    return 0;
}

/* Collect the transit of a task that never ended. Its stream may be collected
 * already, so that nothing is put back. */
static int transit_gc(lua_State *L)
{
    struct transit *m = luaL_checkudata(L, 1, TRANSIT_TYPE);

    if (m->from.stream != NULL)
        m->piped = 0;
    return transit_close(L);
}

struct transit *transit_push(lua_State *L, const struct call *calls)
{
    struct pool *pool = block_pool(L);
    struct transit *m = lua_newuserdatauv(L, sizeof *m, 0);

    *m = (struct transit){.calls = calls, .pool = pool, .pipe = {-1, -1}};
    m->from.own.fd = m->to.own.fd = -1;
    m->from.offset = m->to.offset = CURRENT_POSITION;
    m->from.handle = &m->from.own;
    m->to.handle = &m->to.own;
    m->left = SIZE_MAX;
    luaL_setmetatable(L, TRANSIT_TYPE);
    lua_toclose(L, -1);
    return m;
}

void open_transit(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__close", transit_close},
        {"__gc", transit_gc},
        {NULL, NULL},
    };

    metatable_push(L, TRANSIT_TYPE, metamethods);
    lua_pop(L, 1);
}
