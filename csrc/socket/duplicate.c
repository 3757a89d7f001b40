/*
 * duplicate: the method dup, a second descriptor of a socket.
 *
 * Follows dup(2) and F_DUPFD_CLOEXEC of fcntl(2). Functions named socket_* are
 * methods of a socket.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "open.h"
#include "socket/socket.h"

/* Make what is known of a socket known of its duplicate. */
static void describe(struct socket *copy, struct socket *s)
{
    socket_refresh(s);
    copy->family = s->family;
    copy->type = s->type;
    copy->protocol = s->protocol;
    copy->nodelay = s->nodelay;
    copy->is_adopted = s->is_adopted;
    copy->accepts_nonblocking = s->accepts_nonblocking;
    copy->handle.nonblocking = s->handle.nonblocking;
    copy->is_shared = s->is_shared = true;
    socket_set_timeout(copy, s->handle.timeout);
}

/*** Duplicate the descriptor (dup(2)): both sockets stand for the same open one.
They share its connection and all its data, its options and flags such as
O_NONBLOCK; each has a descriptor of its own, which is close-on-exec, and a
time-out of its own, which is at first that of this one. What one receives, the
other does not. Two tasks can wait for the same socket by it, one by each. The
connection ends when both are closed, or later, where strings were sent without
copying: once a collection finds that the kernel is done with them. `shutdown`
ends it for both at once.
@function Socket:dup
@treturn Socket the duplicate
@raise EBADF on a closed socket, EMFILE
@usage
local writer <close> = reader:dup()
*/
static int socket_dup(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "dup");
    struct socket *copy = socket_new(L);
    bool collected = false;
    int fd;

    do
        fd = fcntl(s->handle.fd, F_DUPFD_CLOEXEC, 0);
    while (fd == -1 && descriptor_collect(L, errno, &collected));
    if (fd == -1)
        return error_raise(L, "dup", errno, 0);
    copy->handle.fd = fd;
    describe(copy, s);
    socket_note_open(L, copy);
    return 1;
}

void open_duplicate(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"dup", socket_dup},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
