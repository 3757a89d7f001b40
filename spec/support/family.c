/*
 * family: makes Unix sockets behave as those of a family that not every kernel
 * has (LD_PRELOAD).
 *
 * FAMILY is the number of the family. REFUSAL is the error with which sending
 * with MSG_NOSIGNAL fails, "EINVAL" or "EOPNOTSUPP"; absent: it does not. With NAMELESS, sockets have no names:
 * getsockname(2) fails with EOPNOTSUPP, and accept(2), where it is to give the
 * peer's name, loses the connection and fails with ECONNABORTED.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static bool refuses(int flags)
{
    const char *refusal = getenv("REFUSAL");

    if (refusal == NULL || (flags & MSG_NOSIGNAL) == 0)
        return false;
    errno = strcmp(refusal, "EINVAL") == 0 ? EINVAL : EOPNOTSUPP;
    return true;
}

EXPORTED int getsockopt(int fd, int level, int name, void *value,
                        socklen_t *length)
{
    const char *family = getenv("FAMILY");
    int result = (int)syscall(SYS_getsockopt, fd, level, name, value, length);

    if (result == 0 && level == SOL_SOCKET && name == SO_DOMAIN &&
        family != NULL && *(int *)value == AF_UNIX)
        *(int *)value = (int)strtol(family, NULL, 10);
    return result;
}

/* glibc declares addresses as a union of pointers; and others, the flags of
 * sendmmsg without a sign. */
#ifdef __GLIBC__
#define MANY_FLAGS int
#define ADDRESS __SOCKADDR_ARG
#define CONST_ADDRESS __CONST_SOCKADDR_ARG
#define ADDRESS_OF(argument) ((argument).__sockaddr__)
#else
#define MANY_FLAGS unsigned
#define ADDRESS struct sockaddr *
#define CONST_ADDRESS const struct sockaddr *
#define ADDRESS_OF(argument) (argument)
#endif

EXPORTED int getsockname(int fd, ADDRESS name, socklen_t *length)
{
    if (getenv("NAMELESS") != NULL) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_getsockname, fd, ADDRESS_OF(name), length);
}

EXPORTED int accept4(int fd, ADDRESS peer, socklen_t *length, int flags)
{
    int result = (int)syscall(SYS_accept4, fd, ADDRESS_OF(peer), length, flags);

    if (result != -1 && ADDRESS_OF(peer) != NULL &&
        getenv("NAMELESS") != NULL) {
        close(result);
        errno = ECONNABORTED;
        return -1;
    }
    return result;
}

EXPORTED ssize_t sendto(int fd, const void *data, size_t size, int flags,
                        CONST_ADDRESS to, socklen_t length)
{
    if (refuses(flags))
        return -1;
    return syscall(SYS_sendto, fd, data, size, flags, ADDRESS_OF(to), length);
}

EXPORTED ssize_t send(int fd, const void *data, size_t size, int flags)
{
    if (refuses(flags))
        return -1;
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

EXPORTED ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (refuses(flags))
        return -1;
    return syscall(SYS_sendmsg, fd, message, flags);
}

EXPORTED int sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                      MANY_FLAGS flags)
{
    if (refuses(flags))
        return -1;
    return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}
