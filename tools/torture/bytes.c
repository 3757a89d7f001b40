/*
 * bytes: functions that read and write, of which less may come or go than was
 * asked for.
 */
#include "plan.h"

#if TORTURE_AVAILABLE

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* How many are cut: what has room for some bytes has none for as many parts. */
#define MOST_CUTS 64

static bool is_shortened(int fd, const void *caller)
{
    int kind;
    socklen_t length = sizeof kind;
    int before = errno;
    bool is_socket;

    if (!torture_plan.armed || !torture_plan.shortened ||
        !torture_in_module(caller) || torture_plan.fired >= MOST_CUTS)
        return false;
    is_socket = (getsockopt)(fd, SOL_SOCKET, SO_TYPE, &kind, &length) == 0;
    errno = before;
    if (is_socket && kind != SOCK_STREAM)
        return false;
    atomic_fetch_add(&torture_plan.fired, 1);
    return true;
}

static size_t shorten(int fd, size_t count, const void *caller)
{
    return count > 1 && is_shortened(fd, caller) ? 1 : count;
}

/* The message with one byte of its first part that is not empty. */
static bool shorten_message(int fd, struct msghdr *m, struct iovec *part,
                            const void *caller)
{
    for (size_t i = 0; i < m->msg_iovlen; i++)
        if (m->msg_iov[i].iov_len > 0) {
            if (!is_shortened(fd, caller))
                return false;
            part->iov_base = m->msg_iov[i].iov_base;
            part->iov_len = 1;
            m->msg_iov = part;
            m->msg_iovlen = 1;
            return true;
        }
    return false;
}

/* clang-format off */
FUNCTION(ssize_t, read, (int fd, void *to, size_t n),
         (fd, to, shorten(fd, n, CALLER)), MINUS_ONE)
FUNCTION(ssize_t, write, (int fd, const void *from, size_t n),
         (fd, from, shorten(fd, n, CALLER)), MINUS_ONE)
FUNCTION(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at),
         (fd, from, shorten(fd, n, CALLER), at), MINUS_ONE)
FUNCTION(ssize_t, recv, (int fd, void *to, size_t n, int flags),
         (fd, to, shorten(fd, n, CALLER), flags & ~(torture_plan.shortened ? MSG_WAITALL : 0)),
         MINUS_ONE)
FUNCTION(ssize_t, recvfrom, (int fd, void *to, size_t n, int flags,
         __SOCKADDR_ARG a, socklen_t *length),
         (fd, to, shorten(fd, n, CALLER), flags, a, length), MINUS_ONE)
FUNCTION(ssize_t, send, (int fd, const void *from, size_t n, int flags),
         (fd, from, shorten(fd, n, CALLER), flags), MINUS_ONE)
FUNCTION(ssize_t, sendto, (int fd, const void *from, size_t n, int flags,
         __CONST_SOCKADDR_ARG a, socklen_t length),
         (fd, from, shorten(fd, n, CALLER), flags, a, length), MINUS_ONE)
FUNCTION(ssize_t, readv, (int fd, const struct iovec *iov, int n),
         (fd, iov, n), MINUS_ONE)
FUNCTION(ssize_t, writev, (int fd, const struct iovec *iov, int n),
         (fd, iov, n), MINUS_ONE)
FUNCTION(ssize_t, sendfile, (int to, int from, off_t *at, size_t n),
         (to, from, at, shorten(to, n, CALLER)), MINUS_ONE)
FUNCTION(ssize_t, splice, (int from, off64_t *a, int to, off64_t *b, size_t n,
         unsigned flags), (from, a, to, b, shorten(to, n, CALLER), flags),
         MINUS_ONE)
/* clang-format on */

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static __typeof__(sendmsg) *real;
    int error = torture_fault(CALL_sendmsg, CALLER);
    struct msghdr shorter = *message;
    struct iovec part;

    if (error != 0)
        return MINUS_ONE;
    if (real == NULL)
        real = NEXT(sendmsg);
    shorten_message(fd, &shorter, &part, CALLER);
    return real(fd, &shorter, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    static __typeof__(recvmsg) *real;
    int error = torture_fault(CALL_recvmsg, CALLER);
    struct msghdr shorter = *message;
    struct iovec part;
    ssize_t count;

    if (error != 0)
        return MINUS_ONE;
    if (real == NULL)
        real = NEXT(recvmsg);
    shorten_message(fd, &shorter, &part, CALLER);
    count = real(fd, &shorter, flags);
    message->msg_namelen = shorter.msg_namelen;
    message->msg_controllen = shorter.msg_controllen;
    message->msg_flags = shorter.msg_flags;
    return count;
}

#endif
