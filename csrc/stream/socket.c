/*
 * socket: the methods of its socket that a stream has too: its descriptor,
 * time-out, addresses, state and options; and the socket itself.
 *
 * The methods that take a stream in place of a socket are those of sockets.
 */
#include "base/clock.h"
#include "base/metatable.h"
#include "open.h"
#include "stream/stream.h"

/*** Return the socket, for whatever streams have no methods for.
What the stream has received and not yet given is not there for the socket to
receive; what the stream has not yet sent goes after what the socket sends
meanwhile. The two have one time-out, and are closed together.
@function Stream:socket
@treturn Socket also of a closed stream; of one over a pipe or a file, as
`adopt` returns it
@usage conn:socket():send("!", "oob")
*/
static int stream_socket(lua_State *L)
{
    stream_check(L, 1);
    lua_getiuservalue(L, 1, STREAM_SOCKET);
    return 1;
}

/*** Set how long calls on this stream may wait, as `Socket:settimeout`.
@function Stream:settimeout
@number[opt] seconds as `Socket:settimeout` takes it
@treturn Stream itself
@raise argument error for a negative number; EBADF on a closed stream
@usage conn:settimeout(5)
*/
static int stream_settimeout(lua_State *L)
{
    struct stream *s = stream_check_open(L, 1, "settimeout", 0);

    socket_set_timeout(s->socket, clock_check_seconds(L, 2));
    lua_settop(L, 1);
    return 1;
}

/* limit_idle(stream, seconds): sets the time-out as the limit of a server, which
 * the errors name. */
static int sockeye_limit_idle(lua_State *L)
{
    stream_settimeout(L);
    stream_check(L, 1)->socket->handle.idle_limit = true;
    return 0;
}

/*** Return the time-out that `settimeout` set.
@function Stream:gettimeout
@treturn ?number seconds; nil: no limit
@raise EBADF on a closed stream
@usage local before = conn:gettimeout()
*/
static int stream_gettimeout(lua_State *L)
{
    const struct stream *s = stream_check_open(L, 1, "gettimeout", 0);

    clock_push_seconds(L, s->socket->handle.timeout);
    return 1;
}

/*** Return the number of the descriptor, which the stream still owns.
@function Stream:fd
@treturn int
@raise EBADF on a closed stream
@usage print("descriptor " .. conn:fd())
*/
static int stream_fd(lua_State *L)
{
    lua_pushinteger(L, stream_check_open(L, 1, "fd", 0)->socket->handle.fd);
    return 1;
}

/*** Return the socket's own address, as `Socket:getsockname`.
@function Stream:getsockname
@treturn Address
@raise EBADF on a closed stream; ENOTSOCK for one over a pipe or a file
@usage print("reached at " .. conn:getsockname())
*/

/*** Return the peer's address, as `Socket:getpeername`.
@function Stream:getpeername
@treturn Address
@raise ENOTCONN where there is no peer any more; EBADF on a closed stream;
ENOTSOCK for one over a pipe or a file
@usage print("from " .. tostring(conn:getpeername()))
*/

/*** Return an option of the socket, as `Socket:getsockopt`.
@function Stream:getsockopt
@string name as `Socket:getsockopt` takes it, with the arguments that follow
@param[opt] option likewise
@int[opt] size likewise
@return the value
@raise as `Socket:getsockopt`; EBADF on a closed stream; ENOTSOCK for one over
a pipe or a file
@usage local who = conn:getsockopt("SO_PEERCRED")
*/

/*** Set an option of the socket, as `Socket:setsockopt`.
@function Stream:setsockopt
@string name as `Socket:setsockopt` takes it, with the arguments that follow
@param value likewise
@param[opt] raw likewise
@treturn Stream itself
@raise as `Socket:setsockopt`; EBADF on a closed stream; ENOTSOCK for one over
a pipe or a file
@usage conn:setsockopt("SO_KEEPALIVE", true):setsockopt("TCP_KEEPIDLE", 60)
*/

/*** Return the state of the connection, as `Socket:state`.
@function Stream:state
@treturn string as `Socket:state`
@raise EBADF on a closed stream; ENOTSOCK for one over a pipe or a file
@usage print(conn:state())  --> ESTABLISHED
*/

/* Methods of sockets that find the socket in a stream. */
static const char *const shared[] = {
    "getpeername", "getsockname", "getsockopt", "setsockopt", "state", NULL,
};

void open_stream_socket(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"fd", stream_fd},
        {"gettimeout", stream_gettimeout},
        {"settimeout", stream_settimeout},
        {"socket", stream_socket},
        {NULL, NULL},
    };

    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_limit_idle);
    lua_setfield(L, -2, "limit_idle");
    lua_pop(L, 1);
    stream_add_methods(L, methods);
    for (const char *const *name = shared; *name != NULL; name++) {
        luaL_Reg method[] = {{*name, NULL}, {NULL, NULL}};

        metatable_push_method(L, "sockeye.Socket", *name);
        method->func = lua_tocfunction(L, -1);
        lua_pop(L, 1);
        stream_add_methods(L, method);
    }
}
