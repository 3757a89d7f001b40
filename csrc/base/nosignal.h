/*
 * nosignal: sends without SIGPIPE, in any family of sockets.
 *
 * The functions are send(2), sendto(2), sendmsg(2) and sendmmsg(2), with
 * MSG_NOSIGNAL among the flags. Some families refuse that flag: RDS, QIPCRTR,
 * AX.25, X.25, AppleTalk and others. There they send again without it, with
 * SIGPIPE blocked.
 */
#ifndef SOCKEYE_BASE_NOSIGNAL_H
#define SOCKEYE_BASE_NOSIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Return whether a call that has failed with `error` may succeed without
 * MSG_NOSIGNAL. */
bool nosignal_is_refused(int fd, int error);

ssize_t nosignal_sendto(int fd, const void *data, size_t size, int flags,
                        const struct sockaddr *to, socklen_t length);
ssize_t nosignal_sendmsg(int fd, const struct msghdr *message, int flags);

static inline ssize_t nosignal_send(int fd, const void *data, size_t size,
                                    int flags)
{
    return nosignal_sendto(fd, data, size, flags, NULL, 0);
}

#ifdef MSG_WAITFORONE
int nosignal_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                      int flags);
#endif

#endif
