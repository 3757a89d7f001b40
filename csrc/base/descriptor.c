/*
 * descriptor: one attempt to read or write; see descriptor.h, read(2),
 * write(2), send(2), recv(2), signal(7).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/nosignal.h"
#include "base/sigpipe.h"

int descriptor_test(int fd, short events)
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

#ifdef RWF_NOWAIT
/* Read or write without blocking, whatever O_NONBLOCK says, which belongs to all
 * who share the open file. */
static ssize_t read_at_once(int fd, void *buffer, size_t size)
{
    struct iovec iov = {buffer, size};

    return preadv2(fd, &iov, 1, -1, RWF_NOWAIT);
}

static ssize_t write_at_once(int fd, const char *data, size_t size)
{
    struct iovec iov = {(char *)data, size};

    return pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
}
#else
static ssize_t read_at_once(int fd, void *buffer, size_t size)
{
    (void)fd, (void)buffer, (void)size;
    errno = ENOSYS;
    return -1;
}

static ssize_t write_at_once(int fd, const char *data, size_t size)
{
    (void)fd, (void)data, (void)size;
    errno = ENOSYS;
    return -1;
}
#endif

/* After a failed attempt on a descriptor that poll(2) had reported as ready:
 * whether to make another one that may block. So it is where the system has no
 * such attempts on this kind of file, and with a regular file that is not in
 * memory. Otherwise somebody else was faster. Keeps errno. */
static bool may_block(int fd, short events)
{
    int error = errno;
    bool is_unsupported =
        error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
    bool result =
        is_unsupported || (error == EAGAIN && descriptor_test(fd, events) == 0);

    errno = error;
    return result;
}

ssize_t descriptor_read(int fd, bool is_socket, char *buffer, size_t size,
                        int flags)
{
    ssize_t n;

    if (flags == 0)
        return read(fd, buffer, size);
    if (is_socket)
        return recv(fd, buffer, size, flags);
    n = read_at_once(fd, buffer, size);
    return n == -1 && may_block(fd, POLLIN) ? read(fd, buffer, size) : n;
}

/* Without a buffer for it, control data sets MSG_CTRUNC, and the kernel closes
 * the descriptors in it, as for recv(2). */
ssize_t descriptor_read_unix(int fd, void *buffer, size_t size, int flags,
                             bool *has_stopped)
{
    struct iovec iov = {buffer, size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = recvmsg(fd, &header, flags);

    *has_stopped = n >= 0 && (header.msg_flags & MSG_CTRUNC) != 0;
    return n;
}

/* A pipe that poll(2) reports as ready takes PIPE_BUF bytes without
 * blocking. */
static ssize_t write_ready(int fd, const char *data, size_t size)
{
    ssize_t n = write_at_once(fd, data, size);

    if (n != -1 || !may_block(fd, POLLOUT))
        return n;
    return write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
}

/* SIGPIPE also comes if a part was written before the last reader closed. */
ssize_t descriptor_write(int fd, bool is_socket, const char *data, size_t size,
                         int flags)
{
    struct sigpipe_state q;
    ssize_t n;

    if (is_socket)
        return nosignal_send(fd, data, size, flags);
    sigpipe_block(&q);
    n = flags & MSG_DONTWAIT ? write_ready(fd, data, size)
                             : write(fd, data, size);
    sigpipe_restore(&q, n == -1 ? errno == EPIPE : (size_t)n < size);
    return n;
}

bool descriptor_collect(lua_State *L, int error, bool *collected)
{
    if (*collected || (error != EMFILE && error != ENFILE))
        return false;
    *collected = true;
    lua_gc(L, LUA_GCCOLLECT);
    return true;
}
