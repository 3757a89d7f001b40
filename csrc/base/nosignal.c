/*
 * nosignal: sends without SIGPIPE, in any family of sockets; see nosignal.h,
 * send(2), sendmmsg(2).
 */
#include <errno.h>

#include "base/nosignal.h"
#include "base/sigpipe.h"

/* Return whether the family of the socket is one that takes MSG_NOSIGNAL: then
 * the error has another cause. Keeps errno. */
#ifdef SO_DOMAIN
static bool takes_flag(int fd)
{
    int error = errno;
    int family = AF_UNSPEC;
    socklen_t length = sizeof family;
    bool is_known =
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0;

    errno = error;
    return !is_known || family == AF_INET || family == AF_INET6 ||
           family == AF_UNIX;
}
#else
static bool takes_flag(int fd)
{
    (void)fd;
    return true;
}
#endif

bool nosignal_is_refused(int fd, int error)
{
    return (error == EOPNOTSUPP || error == EINVAL) && !takes_flag(fd);
}

ssize_t nosignal_sendto(int fd, const void *data, size_t size, int flags,
                        const struct sockaddr *to, socklen_t length)
{
    ssize_t n = sendto(fd, data, size, flags | MSG_NOSIGNAL, to, length);
    struct sigpipe_state q;

    if (n != -1 || !nosignal_is_refused(fd, errno))
        return n;
    sigpipe_block(&q);
    n = sendto(fd, data, size, flags & ~MSG_NOSIGNAL, to, length);
    sigpipe_restore(&q, n == -1 && errno == EPIPE);
    return n;
}

ssize_t nosignal_sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t n = sendmsg(fd, message, flags | MSG_NOSIGNAL);
    struct sigpipe_state q;

    if (n != -1 || !nosignal_is_refused(fd, errno))
        return n;
    sigpipe_block(&q);
    n = sendmsg(fd, message, flags & ~MSG_NOSIGNAL);
    sigpipe_restore(&q, n == -1 && errno == EPIPE);
    return n;
}

#ifdef MSG_WAITFORONE
/* An error after the first message is not reported, and its signal may have
 * come all the same. */
int nosignal_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                      int flags)
{
    int n = sendmmsg(fd, messages, count, flags | MSG_NOSIGNAL);
    struct sigpipe_state q;

    if (n != -1 || !nosignal_is_refused(fd, errno))
        return n;
    sigpipe_block(&q);
    n = sendmmsg(fd, messages, count, flags & ~MSG_NOSIGNAL);
    sigpipe_restore(&q, n == -1 ? errno == EPIPE : (unsigned)n < count);
    return n;
}
#endif
