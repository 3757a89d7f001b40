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
#include "base/sigpipe.h"

bool descriptor_is_ready(int fd, short events)
{
    struct pollfd p = {fd, events, 0};
    int count;

    do
        count = poll(&p, 1, 0);
    while (count == -1 && errno == EINTR);
    return count > 0;
}

ssize_t descriptor_read(int fd, bool is_socket, char *buffer, size_t size,
                        int flags)
{
    if (is_socket && flags != 0)
        return recv(fd, buffer, size, flags);
    return read(fd, buffer, size);
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

/* A pipe that poll(2) reports as ready takes PIPE_BUF bytes without blocking.
 * SIGPIPE also comes if a part was written before the last reader closed. */
ssize_t descriptor_write(int fd, bool is_socket, const char *data, size_t size,
                         int flags)
{
    struct sigpipe_state q;
    ssize_t n;

    if (is_socket)
        return send(fd, data, size, flags | MSG_NOSIGNAL);
    if ((flags & MSG_DONTWAIT) && size > PIPE_BUF)
        size = PIPE_BUF;
    sigpipe_block(&q);
    n = write(fd, data, size);
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
