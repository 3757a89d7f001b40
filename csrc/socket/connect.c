/*
 * connect: the methods connect and disconnect of a socket.
 *
 * Follows connect(2), tcp(7) and unix(7). Functions named socket_* are methods
 * of a socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "address/address.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/error.h"
#include "open.h"
#include "socket/socket.h"

/* One connect(2), blocking or not; O_NONBLOCK is restored. */
static int connect_once(int fd, const struct address *a, bool blocks)
{
    int before = fcntl(fd, F_GETFL);
    int flags = blocks ? before & ~O_NONBLOCK : before | O_NONBLOCK;
    int error;

    if (before == -1 || (flags != before && fcntl(fd, F_SETFL, flags) == -1))
        return errno;
    error = connect(fd, &a->any, a->length) == -1 ? errno : 0;
    if (flags != before)
        fcntl(fd, F_SETFL, before);
    return error;
}

#define LONGEST (3600 * NANOSECONDS)

/* poll(2) cannot report when a busy Unix listener has a free place in its
 * queue, but connect(2) waits for one, up to SO_SNDTIMEO; with this option,
 * signals interrupt it (signal(7)). */
static int connect_unix(lua_State *L, struct wait *w, const struct address *a)
{
    struct timeval before = {0, 0};
    struct timeval limit;
    socklen_t length = sizeof before;
    int fd = w->handle->fd;
    int64_t left;
    int error;

    if (w->deadline == 0)
        w->deadline = clock_after(w->handle->timeout);
    left = outside_limit(L, w->deadline) - clock_now();
    if (left < 1000)
        left = 1000;
    if (left > LONGEST)
        left = LONGEST;
    limit.tv_sec = (time_t)(left / NANOSECONDS);
    limit.tv_usec = (suseconds_t)(left % NANOSECONDS / 1000);
    if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &length) == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == -1)
        return errno;
    error = connect_once(fd, a, true);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof before);
    return error;
}

/* Make one attempt. Returns zero or errno. */
static int attempt_connect(lua_State *L, struct socket *s, struct wait *w,
                           const struct address *a)
{
    if (wait_blocks(&s->handle))
        return connect(s->handle.fd, &a->any, a->length) == -1 ? errno : 0;
    if (s->family == AF_UNIX && !wait_is_nonblocking(w) && !wait_is_in_task(L))
        return connect_unix(L, w, a);
    return connect_once(s->handle.fd, a, false);
}

#ifdef __linux__
/* Whether the next connect(2) returns the outcome, as Linux's TCP does. Until
 * that call, it cannot begin another attempt and does not report EISCONN. */
static bool keeps_outcome(const struct socket *s)
{
    return (s->family == AF_INET || s->family == AF_INET6) &&
           s->type == SOCK_STREAM &&
           (s->protocol == 0 || s->protocol == IPPROTO_TCP);
}
#else
static bool keeps_outcome(const struct socket *s)
{
    (void)s;
    return false;
}
#endif

/* The outcome of the connection attempt that was under way: zero or errno;
 * EALREADY while it is not decided. */
static int connect_result(lua_State *L, struct socket *s, struct wait *w,
                          const struct address *a)
{
    struct sockaddr_storage peer;
    int error = 0;
    socklen_t length = sizeof error;
    socklen_t peer_length = sizeof peer;

    if (keeps_outcome(s))
        return attempt_connect(L, s, w, a);
    if (getsockopt(s->handle.fd, SOL_SOCKET, SO_ERROR, &error, &length) == -1)
        return errno;
    if (error == 0 &&
        getpeername(s->handle.fd, (struct sockaddr *)&peer, &peer_length) == -1)
        return EALREADY;
    return error;
}

/* Whether the system goes on connecting by itself after this error. After EINTR
 * it may or may not; the next attempt shows which. */
static bool is_under_way(int error)
{
    return error == EINPROGRESS || error == EALREADY;
}

/* After an attempt that failed with `error`: wait, and return whether to look
 * again. EAGAIN from a Unix socket means that SO_SNDTIMEO ran out; from another,
 * that there is no free port, which is nothing to wait for. */
static bool retry_connect(lua_State *L, const struct socket *s, struct wait *w,
                          int error)
{
    bool is_full =
        error == EAGAIN && s->family == AF_UNIX && !wait_is_nonblocking(w);

    if (error == EAGAIN && s->family != AF_UNIX) {
        w->outcome = WAIT_ERROR;
        w->error = error;
        return false;
    }
    errno = is_under_way(error) && wait_is_nonblocking(w) ? EAGAIN : error;
    if (is_under_way(error) && !wait_is_nonblocking(w))
        return wait_ready(L, w);
    if (is_full && wait_is_in_task(L))
        return wait_briefly(L, w, WAIT_USUALLY);
    if (is_full && w->deadline != 0)
        return wait_has_time(L, w);
    return wait_again(L, w);
}

static int connect_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"connect", POLLOUT, connect_step};
    struct socket *s = socket_check_waiting(L, 1, "connect", context);
    const struct address *a = address_check(L, 2);
    struct wait w;
    bool under_way = context > WAIT_FIRST && s->family != AF_UNIX;
    bool interrupted = false;
    int error;

    (void)status;
    lua_settop(L, 2);
    wait_start(L, &w, &call, &s->handle, 0, context);
    do {
        error = under_way ? connect_result(L, s, &w, a)
                          : attempt_connect(L, s, &w, a);
        if (error == EISCONN && (under_way || interrupted))
            error = 0;
        under_way = is_under_way(error);
        interrupted = error == EINTR;
    } while (error != 0 && retry_connect(L, s, &w, error));
    if (error != 0)
        return wait_failed(L, &w, 2);
    lua_settop(L, 1);
    return 1;
}

/*** Connect to a peer (connect(2)).
On a datagram socket it sets the default destination, and the socket then
receives from that peer only. In non-blocking mode call it again when the socket
is writable, to learn the outcome.
@function Socket:connect
@param address an `Address`, or a string as `sockeye.address` takes it
@treturn Socket itself; `false` if it would have to wait in non-blocking mode
@raise ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT (with `timeout` if
this socket's time-out ran out, without it if the system gave up), EISCONN, …
@usage s:connect("127.0.0.1:8080")
*/
static int socket_connect(lua_State *L)
{
    return connect_step(L, LUA_OK, WAIT_FIRST);
}

/*** Forget the peer of a datagram socket (connect(2) to AF_UNSPEC).
On Linux this also lets a TCP socket whose connection has failed or ended
`connect` again.
@function Socket:disconnect
@treturn Socket itself
@raise whatever error the system reports
*/
static int socket_disconnect(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "disconnect");
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    while (connect(s->handle.fd, &nobody, sizeof nobody) == -1)
        if (errno != EINTR)
            return error_raise(L, "disconnect", errno, 0);
    lua_settop(L, 1);
    return 1;
}

void open_connect(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"connect", socket_connect},
        {"disconnect", socket_disconnect},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
