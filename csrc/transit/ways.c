/*
 * ways: one attempt to move some bytes, in each of the four ways; see ways.h.
 *
 * Follows sendfile(2), splice(2), pipe(7), fcntl(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/sendfile.h>
#endif

#include "base/descriptor.h"
#include "base/nowait.h"
#include "base/sigpipe.h"
#include "transit/ways.h"

#define BURST ((size_t)8 * WAY_CHUNK) /* bytes, before other tasks get a turn */
#define BURST_BLOCKING ((size_t)1 << 24) /* bytes, before signal handlers run */
#define ATTEMPTS ((int)(2 * BURST / WAY_CHUNK)) /* into and out of a pipe */

/* ---- the system's calls ---- */

#ifdef __linux__
static loff_t *place(struct end *end, loff_t *offset)
{
    *offset = end->offset;
    return end->offset == CURRENT_POSITION ? NULL : offset;
}

static ssize_t splice_once(struct end *from, struct end *to, size_t size,
                           bool waits)
{
    loff_t in, out;

    return splice(from->handle->fd, place(from, &in), to->handle->fd,
                  place(to, &out), size,
                  SPLICE_F_MOVE | (waits ? 0 : SPLICE_F_NONBLOCK));
}

static ssize_t sendfile_once(struct transit *m, size_t size)
{
    loff_t in;

    return sendfile(m->to.handle->fd, m->from.handle->fd, place(&m->from, &in),
                    size);
}
#else
static ssize_t splice_once(struct end *from, struct end *to, size_t size,
                           bool waits)
{
    (void)from;
    (void)to;
    (void)size;
    (void)waits;
    errno = ENOSYS;
    return -1;
}

static ssize_t sendfile_once(struct transit *m, size_t size)
{
    (void)m;
    (void)size;
    errno = ENOSYS;
    return -1;
}
#endif

/* Whether the system cannot move bytes in this way between these ends. */
static bool is_unsupported(int error)
{
    return error == EINVAL || error == ENOSYS;
}

static size_t smaller(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

static void note_taken(struct transit *m, size_t n)
{
    if (m->from.stream != NULL)
        m->from.stream->ended = n == 0;
    else
        m->ended = n == 0;
    m->left -= n;
    if (m->from.offset != CURRENT_POSITION)
        m->from.offset += (int64_t)n;
}

static void note_moved(struct transit *m, size_t n)
{
    m->moved += n;
    if (m->to.offset != CURRENT_POSITION)
        m->to.offset += (int64_t)n;
}

bool transit_has_input(const struct transit *m)
{
    const struct stream *s = m->from.stream;

    if (m->left == 0)
        return false;
    return s != NULL ? s->in != NULL || !s->ended : !m->ended;
}

/* Sending a file needs no pipe between, in which bytes could be stuck. */
enum way transit_choose_way(const struct transit *m)
{
    if (m->from.kind == S_IFREG && m->to.kind == S_IFSOCK)
        return BY_SENDFILE;
    if (m->from.kind == S_IFIFO || m->to.kind == S_IFIFO)
        return BY_SPLICE;
    return BY_PIPE;
}

/* ---- streams ---- */

bool transit_fills(const struct transit *m)
{
    const struct stream *s = m->from.stream;

    return s != NULL && s->in == NULL && transit_buffered(m) == 0 &&
           (m->way == BY_COPY || s->error != 0);
}

void transit_unread(struct transit *m)
{
    struct stream *s = m->from.stream;
    ssize_t n;

    if (m->piped == 0 || !block_reserve(&s->in, m->pool, m->piped))
        return;
    do
        n = read(m->pipe[0], s->in->bytes + s->in->end, m->piped);
    while (n == -1 && errno == EINTR);
    if (n > 0)
        s->in->end += (size_t)n;
    m->left += m->piped;
    m->piped = 0;
    block_consume(&s->in, m->pool, 0);
}

/* Send what the source stream has buffered. Returns zero or errno. */
static int send_received(struct transit *m, bool waits)
{
    struct stream *s = m->from.stream;
    int fd = m->to.handle->fd;
    bool to_socket = m->to.kind == S_IFSOCK;
    size_t size = smaller(m->left, block_used(s->in));
    ssize_t n;

    n = descriptor_write(fd, to_socket, s->in->bytes + s->in->start, size,
                         waits ? 0 : MSG_DONTWAIT);
    if (n == -1)
        return errno;
    block_consume(&s->in, m->pool, (size_t)n);
    s->taken += (size_t)n;
    m->left -= (size_t)n;
    m->moved += (size_t)n;
    return 0;
}

/* ---- the ways: each returns zero, or errno and the direction ---- */

typedef int attempt(struct transit *m, bool waits, enum direction *direction);

static int try_sendfile(struct transit *m, bool waits,
                        enum direction *direction)
{
    size_t size = smaller(m->left, waits ? BURST_BLOCKING : BURST);
    ssize_t n;

    *direction = WRITING;
    n = sendfile_once(m, size);
    if (n == -1)
        return errno;
    note_taken(m, (size_t)n);
    note_moved(m, (size_t)n);
    return 0;
}

/* Find out which end splice(2) had to wait for. Returns EAGAIN, or zero if both
 * are ready by now, with the direction that has a time-out, if one has; or why
 * that cannot be known. */
static int find_direction(const struct transit *m, enum direction *direction)
{
    int error = 0;

    *direction = READING;
    if (m->from.kind != S_IFREG)
        error = nowait_test(m->from.handle->fd, POLLIN);
    if (error != 0)
        return error;
    *direction = WRITING;
    if (m->to.kind != S_IFREG)
        error = nowait_test(m->to.handle->fd, POLLOUT);
    if (error == 0 && m->from.handle->timeout != NO_DEADLINE)
        *direction = READING;
    return error;
}

/* Note in the source stream that reading failed with a lasting error. Returns
 * the error. */
static int note_failed(const struct transit *m, int error)
{
    if (m->from.stream != NULL && !is_unsupported(error))
        stream_note_error(m->from.stream, error);
    return error;
}

/* One of the two ends must be a pipe. */
static int try_splice(struct transit *m, bool waits, enum direction *direction)
{
    size_t size = smaller(m->left, BURST);
    ssize_t n;

    n = splice_once(&m->from, &m->to, size, waits);
    if (n != -1) {
        note_taken(m, (size_t)n);
        note_moved(m, (size_t)n);
        return 0;
    }
    *direction = WRITING;
    if (errno == EAGAIN && !waits)
        return find_direction(m, direction);
    /* Of the pipe that is the other end then, only this can be an error. */
    return m->from.kind == S_IFSOCK && errno != EPIPE ? note_failed(m, errno)
                                                      : errno;
}

static int splice_in(struct transit *m, bool waits)
{
    struct handle pipe = {.fd = m->pipe[1]};
    struct end end = {.handle = &pipe, .offset = CURRENT_POSITION};
    ssize_t n = splice_once(&m->from, &end, smaller(m->left, WAY_CHUNK), waits);

    if (n == -1)
        return note_failed(m, errno);
    note_taken(m, (size_t)n);
    m->piped = (size_t)n;
    return 0;
}

static int splice_out(struct transit *m, bool waits)
{
    struct handle pipe = {.fd = m->pipe[0]};
    struct end end = {.handle = &pipe, .offset = CURRENT_POSITION};
    ssize_t n;

    n = splice_once(&end, &m->to, m->piped, waits);
    if (n == -1)
        return errno;
    m->piped -= (size_t)n;
    note_moved(m, (size_t)n);
    return 0;
}

static int try_pipe(struct transit *m, bool waits, enum direction *direction)
{
    int error = 0;

    for (int i = 0; i < ATTEMPTS && error == 0; i++) {
        if (m->piped == 0 && !transit_has_input(m))
            break;
        *direction = m->piped == 0 ? READING : WRITING;
        error = m->piped == 0 ? splice_in(m, waits) : splice_out(m, waits);
    }
    return error;
}

static ssize_t read_some(struct transit *m, char *bytes, size_t size)
{
    int fd = m->from.handle->fd;

    if (m->piped > 0)
        return read(m->pipe[0], bytes, smaller(m->piped, size));
    if (m->from.offset != CURRENT_POSITION)
        return pread(fd, bytes, size, m->from.offset);
    return read(fd, bytes, size);
}

static int copy_in(struct transit *m)
{
    size_t size = smaller(m->piped > 0 ? m->piped : m->left, WAY_CHUNK);
    ssize_t n;
    int error;

    if (!block_reserve(&m->held, m->pool, size))
        return ENOMEM;
    n = read_some(m, m->held->bytes, size);
    error = n == -1 ? errno : 0;
    if (n > 0)
        m->held->end = (size_t)n;
    else
        block_drop(&m->held, m->pool);
    if (error == 0 && m->piped > 0)
        m->piped -= (size_t)n;
    else if (error == 0)
        note_taken(m, (size_t)n);
    return error;
}

static int copy_out(struct transit *m)
{
    const struct block *b = m->held;
    int fd = m->to.handle->fd;
    size_t size = block_used(b);
    ssize_t n;

    if (m->to.offset != CURRENT_POSITION)
        n = pwrite(fd, b->bytes + b->start, size, m->to.offset);
    else
        n = descriptor_write(fd, m->to.kind == S_IFSOCK, b->bytes + b->start,
                             size, 0);
    if (n == -1)
        return errno;
    block_consume(&m->held, m->pool, (size_t)n);
    note_moved(m, (size_t)n);
    return 0;
}

static int try_copy(struct transit *m, bool waits, enum direction *direction)
{
    int error = 0;

    (void)waits;
    for (int i = 0; i < ATTEMPTS && error == 0; i++) {
        bool fills = m->held == NULL;

        if (transit_fills(m) ||
            (fills && m->piped == 0 && !transit_has_input(m)))
            break;
        *direction = fills && m->piped == 0 ? READING : WRITING;
        error = fills ? copy_in(m) : copy_out(m);
    }
    return error;
}

static attempt *const attempts[] = {
    [BY_SENDFILE] = try_sendfile,
    [BY_SPLICE] = try_splice,
    [BY_PIPE] = try_pipe,
    [BY_COPY] = try_copy,
};

/* If both ends are the same pipe, no way will do. */
bool transit_find_way(struct transit *m, int error)
{
    if (!is_unsupported(error) || m->way == BY_COPY ||
        (m->from.kind == S_IFIFO && m->to.kind == S_IFIFO &&
         m->way == BY_SPLICE))
        return false;
    if (m->from.stream != NULL)
        transit_unread(m);
    if (m->way != BY_SENDFILE || m->from.kind == S_IFREG)
        m->way = BY_COPY;
    else
        m->way = m->from.kind == S_IFIFO ? BY_SPLICE : BY_PIPE;
    return true;
}

/* O_NONBLOCK of an end, for calls that have no flag for it. */
struct nonblocking {
    int fd;
    int flags; /* the flags before the call; -1: unknown, or a file */
};

/* Make an end non-blocking, but a file, which is always ready. Returns zero or
 * errno. */
static int nonblocking_begin(struct nonblocking *u, const struct end *end)
{
    bool is_file = end->kind == S_IFREG || end->kind == S_IFBLK;

    u->fd = end->handle->fd;
    u->flags = is_file ? -1 : fcntl(u->fd, F_GETFL);
    if (is_file)
        return 0;
    if (u->flags == -1)
        return errno;
    if (u->flags & O_NONBLOCK)
        return 0;
    return fcntl(u->fd, F_SETFL, u->flags | O_NONBLOCK) == -1 ? errno : 0;
}

/* Restore the flags at once, since other processes may share the open file. The
 * attempt has been made: if this fails, they stay. */
static void nonblocking_end(const struct nonblocking *u)
{
    if (u->flags != -1 && !(u->flags & O_NONBLOCK))
        fcntl(u->fd, F_SETFL, u->flags);
}

/* Make one attempt that does not wait. Returns zero or errno. */
static int try_unblocked(struct transit *m, enum direction *direction)
{
    struct nonblocking from, to = {-1, -1};
    int error = nonblocking_begin(&from, &m->from);

    if (error == 0)
        error = nonblocking_begin(&to, &m->to);
    if (error == 0)
        error = attempts[m->way](m, false, direction);
    nonblocking_end(&to);
    nonblocking_end(&from);
    return error;
}

/* Make one attempt in the transit's way, with SIGPIPE blocked. */
static int try_way(struct transit *m, bool waits, enum direction *direction)
{
    struct sigpipe_state q;
    int error;

    sigpipe_block(&q);
    error = waits ? attempts[m->way](m, true, direction)
                  : try_unblocked(m, direction);
    sigpipe_restore(&q, true);
    return error;
}

/* Create the pipe that BY_PIPE needs; if that fails, copy. */
static void open_way(struct transit *m)
{
    if (m->way == BY_PIPE && m->pipe[0] == -1 &&
        pipe2(m->pipe, O_CLOEXEC) == -1)
        m->way = BY_COPY;
}

int transit_try(struct transit *m, bool waits, enum direction *direction)
{
    if (m->from.stream != NULL && m->from.stream->in != NULL) {
        *direction = WRITING;
        return send_received(m, waits);
    }
    open_way(m);
    return transit_fills(m) ? 0 : try_way(m, waits, direction);
}
