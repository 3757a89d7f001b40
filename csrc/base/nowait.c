/*
 * nowait: one attempt to read or write that does not block; see nowait.h.
 *
 * Linux has RWF_NOWAIT (preadv2(2)), but not for every kind of file: FIFOs and,
 * before 6.4, pipes refuse it. Those are opened a second time (fifo(7),
 * proc_pid_fd(5)), which gives an open file of our own that may be
 * non-blocking. Where that fails too, a pipe that poll(2) reports as ready takes
 * PIPE_BUF bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/nowait.h"
#include "base/sigpipe.h"

/* Some C libraries have neither the two calls nor the flag. */
#ifdef RWF_NOWAIT
#define read_flagged(fd, iov, flags) preadv2(fd, iov, 1, -1, flags)
#define write_flagged(fd, iov, flags) pwritev2(fd, iov, 1, -1, flags)
#elif defined __linux__ && defined SYS_pwritev2
#define RWF_NOWAIT 8
#define read_flagged(fd, iov, flags) \
    (ssize_t) syscall(SYS_preadv2, fd, iov, 1L, -1L, -1L, flags)
#define write_flagged(fd, iov, flags) \
    (ssize_t) syscall(SYS_pwritev2, fd, iov, 1L, -1L, -1L, flags)
#else
#define RWF_NOWAIT 8
#define read_flagged(fd, iov, flags) \
    ((void)(fd), (void)(iov), (void)(flags), errno = ENOSYS, (ssize_t)-1)
#define write_flagged(fd, iov, flags) \
    ((void)(fd), (void)(iov), (void)(flags), errno = ENOSYS, (ssize_t)-1)
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif

/* Whether the kernel has RWF_NOSIGNAL. */
enum knowledge { UNKNOWN, PRESENT, ABSENT };

static atomic_int nosignal = UNKNOWN;

static int nosignal_get(void)
{
    return atomic_load_explicit(&nosignal, memory_order_relaxed);
}

static void nosignal_set(enum knowledge knowledge)
{
    atomic_store_explicit(&nosignal, knowledge, memory_order_relaxed);
}

int nowait_test(int fd, short events)
{
    struct pollfd p = {fd, events, 0};
    int count;

    do
        count = poll(&p, 1, 0);
    while (count == -1 && errno == EINTR);
    if (count == -1)
        return errno;
    return count == 0 ? EAGAIN : 0;
}

/* Whether the system has no such attempts on this kind of file. */
static bool is_refused(ssize_t result)
{
    return result == -1 &&
           (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL);
}

/* SIGPIPE also comes if a part was written before the last reader closed. */
static void restore(const struct sigpipe_state *q, ssize_t result, size_t size)
{
    sigpipe_restore(q, result == -1 ? errno == EPIPE : (size_t)result < size);
}

static ssize_t write_plain(int fd, const char *data, size_t size)
{
    struct sigpipe_state q;
    ssize_t n;

    sigpipe_block(&q);
    n = write(fd, data, size);
    restore(&q, n, size);
    return n;
}

/* Write without blocking; a result that is_refused: the file has no way to. */
static ssize_t write_at_once(int fd, const struct iovec *iov)
{
    int known = nosignal_get();
    struct sigpipe_state q;
    ssize_t n;

    if (known != ABSENT) {
        n = write_flagged(fd, iov, RWF_NOWAIT | RWF_NOSIGNAL);
        if (n != -1 && known == UNKNOWN)
            nosignal_set(PRESENT);
        if (known == PRESENT || !is_refused(n))
            return n;
    }
    sigpipe_block(&q);
    n = write_flagged(fd, iov, RWF_NOWAIT);
    restore(&q, n, iov->iov_len);
    if (n != -1)
        nosignal_set(ABSENT);
    return n;
}

/* Open a pipe or FIFO once more, for writing without blocking. Returns -1 where
 * that is not possible. The thread's own folder is right even if it shares no
 * descriptors with the others. */
static int open_again(int fd)
{
    char path[48];
    int flags = fcntl(fd, F_GETFL);

    if (flags == -1)
        return -1;
    snprintf(path, sizeof path, "/proc/thread-self/fd/%d", fd);
    return open(path, (flags & O_DIRECT) | O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

/* Write to a pipe without SIGPIPE. */
static ssize_t write_quietly(int fd, const struct iovec *iov)
{
    if (nosignal_get() != ABSENT) {
        ssize_t n = write_flagged(fd, iov, RWF_NOSIGNAL);

        nosignal_set(is_refused(n) ? ABSENT : PRESENT);
        if (!is_refused(n))
            return n;
    }
    return write_plain(fd, iov->iov_base, iov->iov_len);
}

/* Write by an open file of our own. False: there can be none. */
static bool write_apart(int fd, const struct iovec *iov, ssize_t *result)
{
    int own = open_again(fd);
    int error;

    if (own == -1)
        return false;
    *result = write_quietly(own, iov);
    error = errno;
    close(own);
    errno = error;
    return true;
}

/* Write to a file that has refused to be written at once. A regular file is not
 * waited for. */
static ssize_t write_ready(int fd, const struct iovec *iov, bool *is_full)
{
    size_t size = iov->iov_len;
    struct stat status;
    bool is_known = fstat(fd, &status) == 0;
    ssize_t n;
    int error;

    if (is_known && S_ISFIFO(status.st_mode) && write_apart(fd, iov, &n)) {
        *is_full = n != -1 && (size_t)n < size;
        return n;
    }
    error = nowait_test(fd, POLLOUT);
    if (error != 0) {
        errno = error;
        return -1;
    }
    if (size > PIPE_BUF &&
        !(is_known && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode))))
        size = PIPE_BUF;
    return write_plain(fd, iov->iov_base, size);
}

ssize_t nowait_write(int fd, const char *data, size_t size, bool *is_full)
{
    struct iovec iov = {(char *)data, size};
    ssize_t n = write_at_once(fd, &iov);

    *is_full = n != -1 && (size_t)n < size;
    if (is_refused(n) ||
        (n == -1 && errno == EAGAIN && nowait_test(fd, POLLOUT) == 0))
        return write_ready(fd, &iov, is_full);
    return n;
}

/* An attempt that has failed is made again, and may block, where the system has
 * no attempts that do not, and with a regular file that is not in memory.
 * Otherwise somebody else was faster. */
ssize_t nowait_read(int fd, void *buffer, size_t size)
{
    struct iovec iov = {buffer, size};
    ssize_t n = read_flagged(fd, &iov, RWF_NOWAIT);

    if (is_refused(n) ||
        (n == -1 && errno == EAGAIN && nowait_test(fd, POLLIN) == 0))
        return read(fd, buffer, size);
    return n;
}
