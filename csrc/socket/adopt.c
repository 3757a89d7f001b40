/*
 * adopt: makes sockets of descriptors that are open already; see adopt.h.
 *
 * fcntl(2). Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/error.h"
#include "open.h"
#include "socket/adopt.h"

int socket_adopt(struct socket *s, int fd)
{
    int flags = fcntl(fd, F_GETFD);
    int error;

    if (flags == -1 ||
        (fd > STDERR_FILENO && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == -1))
        return errno;
    s->handle.fd = fd;
    error = socket_learn(s);
    if (error != 0)
        s->handle.fd = -1;
    return error;
}

/*** Make a socket of a descriptor that is already open.
The socket owns the descriptor from then on, and closes it. The descriptor
becomes close-on-exec, unless it is one of the standard three. One that is no
socket (of a pipe or a file) can be read, written, polled and closed.
@function adopt
@int fd a descriptor, inherited or from another library
@treturn Socket
@raise EBADF if no such descriptor is open. After an error the caller still owns
the descriptor
@usage local s = sockeye.adopt(3)
*/
static int sockeye_adopt(lua_State *L)
{
    lua_Integer fd = luaL_checkinteger(L, 1);
    struct socket *s;
    int error;

    luaL_argcheck(L, fd >= 0 && fd <= INT32_MAX, 1, "descriptor out of range");
    s = socket_new(L);
    error = socket_adopt(s, (int)fd);
    if (error != 0)
        return error_raise(L, "adopt", error, 0);
    socket_note_open(L, s);
    return 1;
}

void open_adopt(lua_State *L)
{
    lua_pushcfunction(L, sockeye_adopt);
    lua_setfield(L, -2, "adopt");
}
