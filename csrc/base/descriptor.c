/*
 * descriptor: one attempt to read or write; see descriptor.h, read(2),
 * write(2), send(2), recv(2), signal(7).
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/nosignal.h"
#include "base/nowait.h"
#include "base/sigpipe.h"

ssize_t descriptor_read(int fd, bool is_socket, char *buffer, size_t size,
                        int flags)
{
    if (flags == 0)
        return read(fd, buffer, size);
    return is_socket ? recv(fd, buffer, size, flags)
                     : nowait_read(fd, buffer, size);
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

/* SIGPIPE also comes if a part was written before the last reader closed. */
ssize_t descriptor_write(int fd, bool is_socket, const char *data, size_t size,
                         int flags)
{
    struct sigpipe_state q;
    bool is_full;
    ssize_t n;

    if (is_socket)
        return nosignal_send(fd, data, size, flags);
    if (flags & MSG_DONTWAIT)
        return nowait_write(fd, data, size, &is_full);
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
