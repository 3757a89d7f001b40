/*
 * state: the method state of a socket, and the names of TCP's states.
 *
 * Follows tcp(7), of which TCP_INFO is an option, and SO_ACCEPTCONN of
 * socket(7). Functions named socket_* are methods of a socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/argument.h"
#include "base/error.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/argument.h"
#include "socket/socket.h"
#include "socket/state.h"

const char *state_tcp_name(unsigned state)
{
    static const char *const names[] = {
        [TCP_ESTABLISHED] = "ESTABLISHED",
        [TCP_SYN_SENT] = "SYN_SENT",
        [TCP_SYN_RECV] = "SYN_RECV",
        [TCP_FIN_WAIT1] = "FIN_WAIT1",
        [TCP_FIN_WAIT2] = "FIN_WAIT2",
        [TCP_TIME_WAIT] = "TIME_WAIT",
        [TCP_CLOSE] = "CLOSED",
        [TCP_CLOSE_WAIT] = "CLOSE_WAIT",
        [TCP_LAST_ACK] = "LAST_ACK",
        [TCP_LISTEN] = "LISTEN",
        [TCP_CLOSING] = "CLOSING",
    };
    size_t count = sizeof names / sizeof *names;

    return state < count && names[state] ? names[state] : "UNKNOWN";
}

/* The state of a socket other than TCP's, as far as the system reports it.
 * NULL: see errno. */
static const char *plain_state(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int listens = 0;
    socklen_t size = sizeof listens;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == -1)
        return NULL;
    if (listens)
        return "LISTEN";
    if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0)
        return "ESTABLISHED";
    return errno == ENOTCONN || errno == EOPNOTSUPP ? "CLOSED" : NULL;
}

/* The state of a stream socket, which need not be TCP's. NULL: see errno. */
static const char *stream_state(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
        return state_tcp_name(info.tcpi_state);
    return errno == EOPNOTSUPP || errno == ENOPROTOOPT ? plain_state(fd) : NULL;
}

const char *state_name(int fd, int family, int type)
{
    bool is_stream = type == SOCK_STREAM && family != AF_UNIX;

    return is_stream ? stream_state(fd) : plain_state(fd);
}

/*** Return the state of the connection (tcp(7), TCP_INFO).
@function Socket:state
@treturn string `"CLOSED"`, `"LISTEN"`, `"SYN_SENT"`, `"SYN_RECV"`,
`"ESTABLISHED"`, `"FIN_WAIT1"`, `"FIN_WAIT2"`, `"CLOSING"`, `"TIME_WAIT"`,
`"CLOSE_WAIT"` or `"LAST_ACK"` for TCP; one of `"CLOSED"`, `"LISTEN"` and
`"ESTABLISHED"` for other sockets
@raise EBADF on a closed socket, ENOTSOCK
*/
static int socket_state(lua_State *L)
{
    const struct socket *s = socket_check_within(L, 1, "state");
    const char *state = state_name(s->handle.fd, s->family, s->type);

    if (state == NULL)
        return error_raise(L, "state", errno, 0);
    lua_pushstring(L, state);
    return 1;
}

/* has_hung_up(socket): returns whether the connection has ended in both
 * directions, as by a reset; nil where the socket, or stream, is closed. */
static int sockeye_has_hung_up(lua_State *L)
{
    struct pollfd p = {.fd = socket_descriptor_at(L, 1)};

    if (p.fd < 0)
        lua_pushnil(L);
    else
        lua_pushboolean(L, poll(&p, 1, 0) == 1 &&
                               (p.revents & (POLLHUP | POLLERR)) != 0);
    return 1;
}

void open_state(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"state", socket_state},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_has_hung_up);
    lua_setfield(L, -2, "has_hung_up");
    lua_pop(L, 1);
}
