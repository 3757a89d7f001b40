/*
 * connection: socketpair, bind, listen, accept, shutdown, getsockname,
 * getpeername and fcntl.
 *
 * Follows the manual pages of section 2 of the same names. Functions named
 * sockeye_* are the module's, socket_* are methods of a socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/families.h"
#include "address/protocol.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/connection.h"
#include "socket/socket.h"

/* clang-format off */
static const struct name end_rows[] = {
    {"rd", SHUT_RD}, {"wr", SHUT_WR}, {"rdwr", SHUT_RDWR},
    {NULL, 0},
};
/* clang-format on */

static const struct names end_names = {"end", {"SHUT_", NULL}, end_rows};

/*** Create two sockets that are connected to each other (socketpair(2)).
@function socketpair
@param[opt="unix"] family as `socket` takes it
@param[opt="stream"] type as `socket` takes it
@param[opt=0] protocol as `socket` takes it; 0: the default for the type
@treturn Socket
@treturn Socket
@raise EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT, EMFILE
@usage local a, b = sockeye.socketpair()
*/
static int sockeye_socketpair(lua_State *L)
{
    int family = (int)names_opt(L, 1, &address_family_names, AF_UNIX);
    int type = (int)names_opt(L, 2, &socket_type_names, SOCK_STREAM);
    int protocol = protocol_opt(L, 3, family);
    struct socket *s[2] = {socket_new(L), socket_new(L)};
    bool collected = false;
    int fd[2];
    int result;

    do
        result = socketpair(family, type | SOCK_CLOEXEC,
                            protocol_for_system(family, protocol), fd);
    while (result == -1 && descriptor_collect(L, errno, &collected));
    if (result == -1)
        return error_raise(L, "socketpair", errno, 0);
    for (int i = 0; i < 2; i++) {
        s[i]->handle.fd = fd[i];
        s[i]->handle.nonblocking = type & SOCK_NONBLOCK;
        s[i]->family = family;
        s[i]->type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
        s[i]->protocol = protocol;
    }
    for (int i = 0; i < 2; i++)
        socket_note_open(L, s[i]);
    return 2;
}

/*** Bind the socket to a local address (bind(2)).
@function Socket:bind
@param address an `Address`, or a string as `sockeye.address` takes it
@treturn Socket itself
@raise EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL (bound already), ENOENT
@usage s:bind("127.0.0.1:8080")
*/
static int socket_bind(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "bind");
    const struct address *a = address_check(L, 2);

    if (bind(s->handle.fd, &a->any, a->length) == -1)
        return error_raise(L, "bind", errno, 2);
    lua_settop(L, 1);
    return 1;
}

/*** Make the socket passive: it accepts connections (listen(2)).
@function Socket:listen
@int[opt=SOMAXCONN] backlog how many established connections may wait to be
accepted; the system may reduce it; a negative number is 0, as POSIX says
@treturn Socket itself
@raise EADDRINUSE, EOPNOTSUPP
*/
static int socket_listen(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "listen");
    lua_Integer backlog = luaL_optinteger(L, 2, SOMAXCONN);

    luaL_argcheck(L, backlog >= INT32_MIN && backlog <= INT32_MAX, 2,
                  "backlog out of range");
    if (listen(s->handle.fd, backlog > 0 ? (int)backlog : 0) == -1)
        return error_raise(L, "listen", errno, 0);
    lua_settop(L, 1);
    return 1;
}

/* ---- accept ---- */

static bool set_status_flag(int fd, int flag, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    return flags != -1 &&
           fcntl(fd, F_SETFL, on ? flags | flag : flags & ~flag) != -1;
}

/* accept(2) has no MSG_DONTWAIT, so a listener that must not block gets
 * O_NONBLOCK and keeps it. Another process that accepts on the same open file
 * then gets EAGAIN and must wait by itself. */
static bool prepare_accept(struct socket *s)
{
    if (!wait_blocks(&s->handle) && !s->accepts_nonblocking)
        s->accepts_nonblocking =
            set_status_flag(s->handle.fd, O_NONBLOCK, true);
    return wait_blocks(&s->handle) || s->accepts_nonblocking;
}

/* Whether accepted sockets inherit their listener's TCP_NODELAY. */
#ifdef __linux__
#define INHERITS_NODELAY true
#else
#define INHERITS_NODELAY false
#endif

/* AF_ALG: where accept(2) is to give a name that there is not, it loses the
 * connection and fails with ECONNABORTED. */
#ifdef AF_ALG
#define NAMELESS_FAMILY AF_ALG
#else
#define NAMELESS_FAMILY (-1)
#endif

/* Accept once. A socket of a family without names sets *length to 0. */
static int accept_once(const struct socket *s, struct sockaddr_storage *peer,
                       socklen_t *length)
{
    *length = s->family == NAMELESS_FAMILY ? 0 : sizeof *peer;
    return accept4(s->handle.fd, *length ? (struct sockaddr *)peer : NULL,
                   *length ? length : NULL, SOCK_CLOEXEC);
}

/* Push the peer's address, or nil where there is none. */
static void push_peer(lua_State *L, const struct sockaddr_storage *peer,
                      socklen_t length)
{
    if (length > 0)
        address_push(L, (const struct sockaddr *)peer, length);
    else
        lua_pushnil(L);
}

/* Raise why accept has failed. EINVAL says that the socket does not listen. */
static int accept_failed(lua_State *L, const struct socket *s, struct wait *w)
{
    socklen_t length = sizeof(int);
    int listens = 1;

    if (w->error == EINVAL &&
        getsockopt(s->handle.fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
                   &length) == 0 &&
        !listens)
        return error_raise_because(L, "accept", EINVAL,
                                   "the socket does not listen");
    return wait_failed(L, w, 0);
}

static int accept_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"accept", POLLIN, accept_step};
    struct socket *s = socket_check_waiting(L, 1, "accept", context);
    struct wait w;
    bool collected = false;
    struct socket *c;
    struct sockaddr_storage peer;
    socklen_t length;
    int fd;

    (void)status;
    socket_refresh(s);
    wait_start(L, &w, &call, &s->handle, 0, context);
    if (!prepare_accept(s) && context == WAIT_FIRST)
        return error_raise(L, "accept", errno, 0);
    lua_settop(L, 1);
    c = socket_new(L);
    do
        fd = accept_once(s, &peer, &length);
    while (fd == -1 &&
           (descriptor_collect(L, errno, &collected) || wait_again(L, &w)));
    if (fd == -1)
        return accept_failed(L, s, &w);
    socket_refresh(s);
    c->handle.fd = fd;
    c->family = s->family;
    c->type = s->type;
    c->protocol = s->protocol;
    c->nodelay = s->nodelay && INHERITS_NODELAY;
    socket_note_open(L, c);
    push_peer(L, &peer, length);
    return 2;
}

/*** Accept a connection (accept(2)).
Waits until there is one in the queue.
@function Socket:accept
@treturn Socket the connection, a new socket, close-on-exec
@treturn ?Address the peer's; that of an unbound Unix client has no path; nil in
a family whose sockets have no addresses (AF_ALG)
@return `false` in place of both, if it would have to wait in non-blocking mode
@raise ETIMEDOUT with `timeout` when the time-out runs out, EINVAL (the socket
does not listen), ECONNABORTED, EMFILE
@usage local c <close>, peer = s:accept()
*/
static int socket_accept(lua_State *L)
{
    return accept_step(L, LUA_OK, WAIT_FIRST);
}

/*** Close one direction of the connection, or both (shutdown(2)).
It takes effect at once, even if other processes hold the socket too.
@function Socket:shutdown
@string end `"rd"`: no more data is received; `"wr"`: queued data is still sent,
then the end; `"rdwr"`: both
@treturn Socket itself
@raise ENOTCONN
@usage s:shutdown("wr")
*/
static int socket_shutdown(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "shutdown");
    int end = (int)names_check(L, 2, &end_names);

    if (shutdown(s->handle.fd, end) == -1)
        return error_raise(L, "shutdown", errno, 0);
    lua_settop(L, 1);
    return 1;
}

/* ---- names ---- */

typedef int name_call(int fd, struct sockaddr *name, socklen_t *length);

static int push_name(lua_State *L, name_call *call, const char *name)
{
    struct socket *s = socket_check_within(L, 1, name);
    struct address *a = address_new(L);
    socklen_t length = sizeof a->bytes;

    if (call(s->handle.fd, &a->any, &length) == -1)
        return error_raise(L, name, errno, 0);
    address_normalise(a, length);
    return 1;
}

/*** Return the socket's own address (getsockname(2)).
@function Socket:getsockname
@treturn Address the wildcard with port 0 if it is not bound yet
@raise EBADF, ENOTSOCK
*/
static int socket_getsockname(lua_State *L)
{
    return push_name(L, getsockname, "getsockname");
}

/*** Return the peer's address (getpeername(2)).
@function Socket:getpeername
@treturn Address
@raise ENOTCONN, EBADF, ENOTSOCK
*/
static int socket_getpeername(lua_State *L)
{
    return push_name(L, getpeername, "getpeername");
}

/* Ask for the peer's address. A connection that the peer has reset has none for
 * getpeername(2) any more, but Linux still knows it; the size that it is asked
 * for must not be more than it has. */
static bool find_peer(int fd, struct sockaddr *name, socklen_t *length)
{
    if (getpeername(fd, name, length) == 0)
        return true;
    *length = sizeof(struct sockaddr_in6);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERNAME, name, length) == 0)
        return true;
    *length = sizeof(struct sockaddr_in);
    return getsockopt(fd, SOL_SOCKET, SO_PEERNAME, name, length) == 0;
}

void connection_push_peer(lua_State *L, int index)
{
    const struct socket *s = socket_check(L, index);
    struct address *a = address_new(L);
    socklen_t length = sizeof a->bytes;

    if (!find_peer(s->handle.fd, &a->any, &length)) {
        lua_pop(L, 1);
        lua_pushnil(L);
        return;
    }
    address_normalise(a, length);
}

/* ---- flags of the descriptor and of the open file ---- */

struct descriptor_flag {
    const char *name;
    int get;
    int set;
    int bit;
};

static const struct descriptor_flag descriptor_flags[] = {
    {"O_NONBLOCK", F_GETFL, F_SETFL, O_NONBLOCK},
    {"O_APPEND", F_GETFL, F_SETFL, O_APPEND},
#ifdef O_ASYNC
    {"O_ASYNC", F_GETFL, F_SETFL, O_ASYNC},
#endif
    {"FD_CLOEXEC", F_GETFD, F_SETFD, FD_CLOEXEC},
    {NULL, 0, 0, 0},
};

static const struct descriptor_flag *check_flag(lua_State *L, int arg)
{
    const char *name = text_check(L, arg, "flag");
    const struct descriptor_flag *flag;
    struct nearest nearest;

    nearest_start(&nearest, name, strlen(name));
    for (flag = descriptor_flags; flag->name; flag++) {
        if (strcmp(flag->name, name) == 0)
            return flag;
        nearest_offer(&nearest, flag->name);
    }
    nearest_argerror(L, arg, "flag", &nearest);
    return NULL;
}

/*** Read or set a flag of the descriptor or of its open file (fcntl(2)).
O_NONBLOCK belongs to the open file, which forked children and duplicates share;
a socket on which this method has set it is in non-blocking mode: its calls return
`false` where they would have to wait. FD_CLOEXEC belongs to the descriptor.
@function Socket:fcntl
@string flag `"O_NONBLOCK"`, `"O_APPEND"`, `"O_ASYNC"` or `"FD_CLOEXEC"`
@bool[opt] value the new value; nil: only read the flag
@treturn boolean|Socket the flag; the socket itself if `value` was given
@raise EBADF; argument error for another flag
@usage s:fcntl("FD_CLOEXEC", false)
*/
static int socket_fcntl(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "fcntl");
    const struct descriptor_flag *flag = check_flag(L, 2);
    bool on = lua_toboolean(L, 3);
    int flags;

    if (!lua_isnone(L, 3))
        luaL_checktype(L, 3, LUA_TBOOLEAN);
    flags = fcntl(s->handle.fd, flag->get);
    if (flags == -1)
        return error_raise(L, "fcntl", errno, 2);
    if (lua_isnone(L, 3)) {
        lua_pushboolean(L, flags & flag->bit);
        return 1;
    }
    flags = on ? flags | flag->bit : flags & ~flag->bit;
    if (fcntl(s->handle.fd, flag->set, flags) == -1)
        return error_raise(L, "fcntl", errno, 2);
    if (flag->bit == O_NONBLOCK && flag->set == F_SETFL) {
        s->handle.nonblocking = on;
        s->accepts_nonblocking = on;
    }
    lua_settop(L, 1);
    return 1;
}

void open_connection(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"socketpair", sockeye_socketpair},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"accept", socket_accept},
        {"bind", socket_bind},
        {"fcntl", socket_fcntl},
        {"getpeername", socket_getpeername},
        {"getsockname", socket_getsockname},
        {"listen", socket_listen},
        {"shutdown", socket_shutdown},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &end_names);
    lua_pushinteger(L, SOMAXCONN);
    lua_setfield(L, -2, "SOMAXCONN");
    socket_add_methods(L, methods);
}
