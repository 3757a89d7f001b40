/*
 * read_write: the methods read and write, for sockets and for other descriptors
 * that were adopted, and sockatmark.
 *
 * Follows read(2), write(2) and sockatmark(3). SIGPIPE is never delivered.
 * Functions named socket_* are methods of a socket.
 */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/scratch.h"
#include "open.h"
#include "socket/socket.h"
#include "socket/transfer.h"

/* A descriptor that is no socket has no MSG_DONTWAIT: if it must not block,
 * wait until it is ready before the call. False: it is not; `w` says why. */
static bool await_turn(lua_State *L, const struct socket *s, struct wait *w)
{
    return s->type != 0 || wait_blocks(w->handle) || wait_until_ready(L, w);
}

static int read_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, read_step};
    struct socket *s = socket_check_waiting(L, 1, "read", context);
    size_t size = transfer_size(L, 2);
    struct wait w;
    int flags = wait_start(L, &w, &call, &s->handle, 0, context);
    char small[STACK_BUFFER];
    char *buffer = small;
    ssize_t n = -1;

    (void)status;
    do {
        if (!await_turn(L, s, &w))
            break;
        buffer = size <= STACK_BUFFER ? small : scratch_take(L, &size);
        n = descriptor_read(s->handle.fd, s->type != 0, buffer, size, flags);
    } while (n == -1 && transfer_reads_again(L, s, &w, &flags));
    if (n == -1) {
        scratch_release(L, size);
        return wait_failed(L, &w, 0);
    }
    if (n == 0 && size > 0 && transfer_ends(s))
        lua_pushnil(L);
    else
        lua_pushlstring(L, buffer, (size_t)n);
    scratch_release(L, size);
    return 1;
}

/*** Read from the socket, or from another descriptor that was adopted
(read(2)).
@function Socket:read
@int n the maximum number of bytes
@treturn ?string the data; nil at the end; `false` if it would have to wait in
non-blocking mode
@raise as `recv`
*/
static int socket_read(lua_State *L)
{
    return read_step(L, LUA_OK, WAIT_FIRST);
}

static int write_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"write", POLLOUT, write_step};
    struct socket *s = socket_check_waiting(L, 1, "write", context);
    size_t size;
    const char *data = transfer_check_data(L, 2, &size);
    struct wait w;
    int flags = wait_start(L, &w, &call, &s->handle, 0, context);
    ssize_t n = -1;

    (void)status;
    do {
        if (!await_turn(L, s, &w))
            break;
        n = descriptor_write(s->handle.fd, s->type != 0, data, size, flags);
    } while (n == -1 && wait_again(L, &w));
    if (n == -1)
        return wait_failed(L, &w, 0);
    lua_pushinteger(L, n);
    return 1;
}

/*** Write to the socket, or to another descriptor that was adopted (write(2)).
@function Socket:write
@string data any bytes
@treturn int how many bytes were written; `false` if it would have to wait in
non-blocking mode
@raise as `send`
*/
static int socket_write(lua_State *L)
{
    return write_step(L, LUA_OK, WAIT_FIRST);
}

/*** Return whether the next byte to be received is the urgent one
(sockatmark(3)).
@function Socket:sockatmark
@treturn boolean
@raise ENOTTY or EINVAL on a socket that has no urgent data
*/
static int socket_sockatmark(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "sockatmark");
    int at_mark = 0;

    /* This is sockatmark(3), but with a variable that is set beforehand:
     * valgrind reports the other as uninitialised. */
    if (ioctl(s->handle.fd, SIOCATMARK, &at_mark) == -1)
        return error_raise(L, "sockatmark", errno, 0);
    lua_pushboolean(L, at_mark);
    return 1;
}

void open_read_write(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"read", socket_read},
        {"sockatmark", socket_sockatmark},
        {"write", socket_write},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
