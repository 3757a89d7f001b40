/*
 * open: sockeye.stream, which makes a stream of a socket, of a Lua file or of
 * the number of a descriptor.
 *
 * Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "open.h"
#include "socket/adopt.h"
#include "stream/stream.h"

/* Set TCP_NODELAY on a TCP socket: it sends small pieces at once. */
static void enable_nodelay(struct socket *s)
{
    const int on = 1;

    if (s->type == SOCK_STREAM &&
        (s->family == AF_INET || s->family == AF_INET6))
        s->nodelay = setsockopt(s->handle.fd, IPPROTO_TCP, TCP_NODELAY, &on,
                                sizeof on) == 0;
}

/* Make the stream at `index` one of the socket on top, and pop that. */
static void use_socket(lua_State *L, int index, struct socket *socket)
{
    struct stream *s = stream_check(L, index);

    lua_setiuservalue(L, index, STREAM_SOCKET);
    stream_use(s, socket);
    if (!socket->nodelay)
        enable_nodelay(socket);
}

static int stream_of_socket(lua_State *L)
{
    struct socket *socket = socket_check_open(L, 1, "stream");

    stream_new(L, STREAM_SOCKET);
    lua_pushvalue(L, 1);
    use_socket(L, 2, socket);
    return 1;
}

/* ---- where the stream makes the socket ---- */

/* Lua finalizes what was made last first: the stream is made after its socket,
 * and sends what was written before that is closed. */

/* If this raises, the caller still owns the descriptor. */
static int stream_of_number(lua_State *L)
{
    lua_Integer fd = luaL_checkinteger(L, 1);
    struct socket *socket;
    int error;

    luaL_argcheck(L, fd >= 0 && fd <= INT32_MAX, 1, "descriptor out of range");
    socket = socket_new(L);
    stream_new(L, STREAM_SOCKET);
    error = socket_adopt(socket, (int)fd);
    if (error != 0)
        return error_raise(L, "stream", error, 0);
    socket_note_open(L, socket);
    lua_pushvalue(L, 2);
    use_socket(L, 3, socket);
    return 1;
}

/* Duplicate the file's descriptor: each of the two is closed once, whichever the
 * script closes first. Returns -1, with errno set, on failure. */
static int duplicate(lua_State *L, const luaL_Stream *file)
{
    bool collected = false;
    int fd;

    do {
        if (file->closef == NULL) {
            errno = EBADF;
            return -1;
        }
        fd = fcntl(fileno(file->f), F_DUPFD_CLOEXEC, 0);
    } while (fd == -1 && descriptor_collect(L, errno, &collected));
    return fd;
}

/* Make the position of a file on disk the one where the script would go on:
 * write its buffer, and go back behind what it has read. */
static void flush_file(lua_State *L, const luaL_Stream *file)
{
    if (file->closef != NULL && lseek(fileno(file->f), 0, SEEK_CUR) != -1 &&
        fflush(file->f) == EOF)
        error_raise(L, "stream", errno, 0);
}

static int stream_of_file(lua_State *L, const luaL_Stream *file)
{
    struct socket *socket;
    int error = 0;

    flush_file(L, file);

    socket = socket_new(L);
    stream_new(L, STREAM_FILE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 3, STREAM_FILE);
    socket->handle.fd = duplicate(L, file);
    if (socket->handle.fd == -1)
        return error_raise(L, "stream", errno, 0);
    error = socket_learn(socket);
    if (error != 0) {
        socket_end(L, socket);
        return error_raise(L, "stream", error, 0);
    }
    socket_note_open(L, socket);
    lua_pushvalue(L, 2);
    use_socket(L, 3, socket);
    return 1;
}

/*** Make a buffered stream of a socket, which is read and written like Lua's
files; or of a Lua file, or a descriptor.
`Stream:socket` returns the socket, for whatever streams have no methods for. On TCP, TCP_NODELAY is set, since the stream
gathers small pieces itself. Sockets of other types and adopted descriptors can
be used too.

Data that was received but not yet read stays in the stream, whatever ends a
call: a time-out, a cancellation, an error. Once the end was reached, later
reads report the end too. `poll` and `wait` accept a stream in place of its
socket, but ignore data that the stream has already received.

A Lua file, such as `io.popen`'s, `io.stdin` or that of a FIFO or a terminal, is
kept by the stream, and closed with it, but for the standard three. It must not
be read or written beside the stream. In a file on disk the stream goes on where
the script would have; of any other, what it has read ahead, the stream does not
get, and what it has buffered comes later, unless `file:flush` was called. A
number is a descriptor, which the stream owns from then on, as `adopt` does.

What is no socket is waited for as a socket is, by its task alone: pipes, FIFOs,
terminals. O_NONBLOCK is never set, since others may share the open file. Regular
files, and devices that cannot be waited for, are always ready: reading them may
make the whole process wait for the disk.
@function stream
@tparam Socket|file|int socket a connected socket; a Lua file; a descriptor
@treturn Stream
@raise EBADF if the socket, file or descriptor is closed; EMFILE for a file,
whose descriptor is duplicated
@usage
local conn <close> = sockeye.stream(socket)
for line in conn:lines() do conn:write(line, "\n") end
*/
static int sockeye_stream(lua_State *L)
{
    const luaL_Stream *file;

    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TNUMBER)
        return stream_of_number(L);
    if (socket_test(L, 1) == NULL &&
        (file = luaL_testudata(L, 1, LUA_FILEHANDLE)) != NULL)
        return stream_of_file(L, file);
    return stream_of_socket(L);
}

/* primitives.enable_nodelay(listener): accepted sockets inherit the option,
 * which saves their streams a system call each. */
static int sockeye_enable_nodelay(lua_State *L)
{
    enable_nodelay(socket_check_open(L, 1, "setsockopt"));
    return 0;
}

void open_stream_open(lua_State *L)
{
    lua_pushcfunction(L, sockeye_stream);
    lua_setfield(L, -2, "stream");
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_enable_nodelay);
    lua_setfield(L, -2, "enable_nodelay");
    lua_pop(L, 1);
}
