/*
 * queues: the methods inq, outq and outqnsd: how many bytes wait to be read, and
 * to be sent.
 *
 * Follows SIOCINQ, SIOCOUTQ and SIOCOUTQNSD of tcp(7), udp(7) and unix(7).
 * Functions named socket_* are methods of a socket.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/kernel.h"
#include "open.h"
#include "socket/queues.h"
#include "socket/socket.h"

/* Zero: the system has no such count. */
static const unsigned long requests[] = {
    [QUEUE_RECEIVED] = FIONREAD,
#ifdef TIOCOUTQ
    [QUEUE_UNCONFIRMED] = TIOCOUTQ,
#endif
#ifdef SIOCOUTQNSD
    [QUEUE_UNSENT] = SIOCOUTQNSD,
#endif
};

int queues_ask(int fd, enum queue_kind kind, int *bytes)
{
    unsigned long request =
        kind < sizeof requests / sizeof *requests ? requests[kind] : 0;

    *bytes = 0;
    if (request == 0)
        return EOPNOTSUPP;
    if (ioctl(fd, request, bytes) == 0)
        return 0;
    return errno == ENOTTY ? EOPNOTSUPP : errno;
}

static int push_length(lua_State *L, enum queue_kind kind, const char *call)
{
    const struct socket *s = socket_check_open(L, 1, call);
    int bytes;
    int error = queues_ask(s->handle.fd, kind, &bytes);

    if (error != 0)
        return error_raise(L, call, error, 0);
    lua_pushinteger(L, bytes);
    return 1;
}

/*** Return how many bytes wait to be read (SIOCINQ: tcp(7), udp(7), unix(7)).
Of a datagram socket they are those of the first datagram, of a Unix one those of
all.
@function Socket:inq
@treturn int
@raise EBADF on a closed socket; EINVAL if it listens; EOPNOTSUPP where the
system does not count them
@usage if s:inq() >= 4 then … end
*/
static int socket_inq(lua_State *L)
{
    return push_length(L, QUEUE_RECEIVED, "inq");
}

/*** Return how many bytes are in the send queue (SIOCOUTQ: tcp(7), udp(7),
unix(7)).
Of TCP they are those that the peer has not confirmed yet, whether they have been
sent or not. Of other sockets they are the memory that is in use, which is more
than the data.
@function Socket:outq
@treturn int
@raise EBADF on a closed socket; EINVAL if it listens; EOPNOTSUPP where the
system does not count them
@see Socket:outqnsd
@usage if s:outq() == 0 then print "all has arrived" end
*/
static int socket_outq(lua_State *L)
{
    return push_length(L, QUEUE_UNCONFIRMED, "outq");
}

/*** Return how many bytes in the send queue have not been sent yet (SIOCOUTQNSD).
TCP alone counts them.
@function Socket:outqnsd
@treturn int
@raise EBADF on a closed socket; EINVAL if it listens; EOPNOTSUPP where the
system does not count them
@see Socket:outq
@usage print(s:outq() - s:outqnsd() .. " bytes are on their way")
*/
static int socket_outqnsd(lua_State *L)
{
    return push_length(L, QUEUE_UNSENT, "outqnsd");
}

void open_queues(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"inq", socket_inq},
        {"outq", socket_outq},
        {"outqnsd", socket_outqnsd},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
