/*
 * descriptor: one attempt to read or write; see descriptor.h, read(2),
 * write(2), send(2), recv(2), signal(7).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"

void sigpipe_block(struct sigpipe_state *q)
{
    sigset_t pipe_signal, pending;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    q->was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &q->before);
}

void sigpipe_restore(const struct sigpipe_state *q, bool may_have_come)
{
    const struct timespec at_once = {0, 0};
    int error = errno;
    sigset_t pipe_signal;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    if (may_have_come && !q->was_pending)
        sigtimedwait(&pipe_signal, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &q->before, NULL);
    errno = error;
}

bool descriptor_is_ready(int fd, short events)
{
    struct pollfd p = {fd, events, 0};

    return poll(&p, 1, 0) > 0;
}

ssize_t descriptor_read(int fd, bool is_socket, char *buffer, size_t size,
                        int flags)
{
    if (is_socket && flags != 0)
        return recv(fd, buffer, size, flags);
    return read(fd, buffer, size);
}

/* Control data for which there is no room is told, and descriptors are closed
 * as they are by recv(2). */
ssize_t descriptor_read_unix(int fd, void *buffer, size_t size, int flags,
                             bool *has_stopped)
{
    struct iovec iov = {buffer, size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = recvmsg(fd, &header, flags);

    *has_stopped = n >= 0 && (header.msg_flags & MSG_CTRUNC) != 0;
    return n;
}

/* A pipe that poll(2) found ready takes PIPE_BUF bytes without blocking. The
 * signal comes also where a part was written before the last reader went. */
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
