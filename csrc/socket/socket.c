/*
 * socket: the userdata that owns a descriptor; see socket.h.
 *
 * Every descriptor is close-on-exec (socket(2), fcntl(2)). It is closed exactly
 * once (close(2)): by the script, or else by the collector. Functions named
 * sockeye_* are the module's, socket_* methods and metamethods.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address/address.h"
#include "address/families.h"
#include "address/protocol.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/metatable.h"
#include "open.h"
#include "socket/known.h"
#include "socket/name.h"
#include "socket/socket.h"
#include "task/loops.h"

#define SOCKET_TYPE "sockeye.Socket"

const char socket_tag[2] = "st";

atomic_uint socket_numbers;

/* What is not NULL where NULL would be. */
#define NONE ((const struct socket *)socket_tag)

_Atomic(const struct socket *) sockets_seen[SOCKETS_SEEN] = {NONE};

/* clang-format off */
static const struct name type_rows[] = {
    {"stream", SOCK_STREAM}, {"dgram", SOCK_DGRAM}, {"raw", SOCK_RAW},
    {"seqpacket", SOCK_SEQPACKET}, {"rdm", SOCK_RDM},
#ifdef SOCK_DCCP
    {"dccp", SOCK_DCCP},
#endif
    {NULL, 0},
};
/* clang-format on */

const struct names socket_type_names = {
    "socket type", {"SOCK_", NULL}, type_rows};

static void see(const struct socket *s)
{
    atomic_store_explicit(socket_place(s), s, memory_order_relaxed);
}

struct socket *socket_new(lua_State *L)
{
    struct socket *s = lua_newuserdatauv(L, sizeof *s, 0);

    *s = (struct socket){
        .tag = &socket_tag[0],
        .numbers = atomic_load_explicit(&socket_numbers, memory_order_relaxed),
        .handle = {.fd = -1, .timeout = NO_DEADLINE},
    };
    luaL_setmetatable(L, SOCKET_TYPE);
    see(s);
    return s;
}

void socket_note_open(lua_State *L, const struct socket *s)
{
    known_note_open(L, s->handle.fd);
}

struct socket *socket_test_unseen(lua_State *L, int arg, struct socket *s)
{
    if (s == NULL || lua_rawlen(L, arg) != sizeof *s || !socket_has_tag(s))
        return NULL;
    if (s->handle.fd != -1)
        see(s);
    return s;
}

/* Call when the collector has closed the socket: its memory is free soon. */
static void forget_seen(const struct socket *s)
{
    const struct socket *expected = s;

    atomic_compare_exchange_strong(socket_place(s), &expected, NONE);
}

const struct socket *socket_test_plain(lua_State *L)
{
    const struct socket *s = socket_test(L, 1);

    return s != NULL && s->handle.timeout == NO_DEADLINE ? s : NULL;
}

void socket_set_timeout(struct socket *s, int64_t nanoseconds)
{
    s->handle.timeout = nanoseconds;
    s->handle.idle_limit = false;
    s->tag = &socket_tag[nanoseconds != NO_DEADLINE];
}

struct socket *socket_check(lua_State *L, int arg)
{
    struct socket *s = socket_test(L, arg);

    if (s == NULL)
        luaL_typeerror(L, arg, SOCKET_TYPE);
    return s;
}

struct socket *socket_reject(lua_State *L, int arg, const char *call)
{
    socket_check(L, arg);
    error_raise_because(L, call, EBADF, "the socket is closed");
    return NULL;
}

/* ---- create ---- */

/* Push a description of the arguments of a failed socket(2): "inet
 * seqpacket". A protocol that was given by a name has one. */
static void push_kind(lua_State *L, int family, int type, int protocol)
{
    names_push(L, &address_family_names, family);
    lua_pushliteral(L, " ");
    names_push(L, &socket_type_names, type);
    if (protocol != 0) {
        lua_pushliteral(L, " ");
        names_push(L,
                   lua_type(L, 3) == LUA_TSTRING ? protocol_known_names(family)
                                                 : protocol_names_of(family),
                   protocol);
    }
    lua_concat(L, protocol != 0 ? 5 : 3);
}

/*** Create a socket (socket(2)).
It is close-on-exec.
@function socket
@param family `"inet"`, `"inet6"`, `"unix"`, `"netlink"`, `"packet"`, `"vsock"`,
`"can"`, `"alg"`, `"tipc"`, `"rds"`, `"bluetooth"`, … (also `"AF_INET"`,
`"PF_INET"`, `sockeye.AF_INET`); `supports` returns whether the
kernel has one
@param type `"stream"`, `"dgram"`, `"raw"`, `"seqpacket"`, `"rdm"`, `"dccp"`
(also `"SOCK_STREAM"`, `sockeye.SOCK_STREAM`)
@param[opt=0] protocol `"tcp"`, `"icmp"`, `"sctp"`, or another of IANA's registry
of IP protocols, or a number; 0: the default for the type. `"ipip"` is 4, as
IPPROTO_IPIP. For a CAN socket `"raw"`, `"isotp"`, …, for a Bluetooth socket
`"rfcomm"`, …. For a packet socket an Ethernet protocol: `"ip"`, `"arp"`, `"all"`, …
(also `"ETH_P_IP"`) or a number in host byte order; 0: it receives nothing until
it is bound to one (packet(7)). For a netlink socket a subsystem of the kernel:
`"route"`, `"sock_diag"`, … (also `"NETLINK_ROUTE"`, netlink(7))
@treturn Socket
@raise EPROTONOSUPPORT, ESOCKTNOSUPPORT or EAFNOSUPPORT for a combination that
does not exist, EPERM or EACCES if a privilege is missing, EMFILE
@usage local s <close> = sockeye.socket("inet", "stream")
*/
static int sockeye_socket(lua_State *L)
{
    int family = address_check_family(L, 1);
    int type = (int)names_check(L, 2, &socket_type_names);
    int protocol = protocol_opt(L, 3, family);
    struct socket *s = socket_new(L);
    bool collected = false;
    int fd;

    do
        fd = socket(family, type | SOCK_CLOEXEC,
                    protocol_for_system(family, protocol));
    while (fd == -1 && descriptor_collect(L, errno, &collected));
    if (fd == -1) {
        int error = errno;

        push_kind(L, family, type, protocol);
        return error_raise(L, "socket", error, -1);
    }
    s->handle.fd = fd;
    s->family = family;
    s->type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    s->handle.nonblocking = type & SOCK_NONBLOCK;
    s->protocol = protocol;
    socket_note_open(L, s);
    return 1;
}

/* ---- what stands behind an adopted descriptor ---- */

/* Read an integer option of SOL_SOCKET. Returns zero or errno. */
static int get_int_option(int fd, int name, int *value)
{
    socklen_t length = sizeof *value;

    return getsockopt(fd, SOL_SOCKET, name, value, &length) == 0 ? 0 : errno;
}

#ifdef SO_DOMAIN

/* Read the family of a socket without a name, such as one of AF_ALG. Returns
 * zero or errno. */
static int get_nameless_family(int fd, int *family)
{
    return get_int_option(fd, SO_DOMAIN, family);
}

#else

static int get_nameless_family(int fd, int *family)
{
    (void)fd;
    (void)family;
    return EOPNOTSUPP;
}

#endif

/* Read the family, which every system writes into the socket's name. Returns
 * zero or errno. */
static int get_family(int fd, int *family)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof name;

    if (getsockname(fd, (struct sockaddr *)&name, &length) == 0) {
        *family = name.ss_family;
        return 0;
    }
    return errno == EOPNOTSUPP ? get_nameless_family(fd, family) : errno;
}

int socket_learn(struct socket *s)
{
    int error;

    s->is_adopted = true;
    s->family = AF_UNSPEC;
    s->type = s->protocol = 0;
    error = get_int_option(s->handle.fd, SO_TYPE, &s->type);
    if (error == ENOTSOCK)
        return 0;
    if (error == 0)
        error = get_int_option(s->handle.fd, SO_PROTOCOL, &s->protocol);
    return error != 0 ? error : get_family(s->handle.fd, &s->family);
}

/* A descriptor that cannot be asked has no type: nothing is known of it. */
void socket_relearn(struct socket *s)
{
    s->numbers = atomic_load_explicit(&socket_numbers, memory_order_relaxed);
    s->nodelay = s->accepts_nonblocking = false;
    socket_learn(s);
}

/* ---- detach ---- */

static bool keeps_descriptor(struct socket *s, bool closing)
{
    const struct descriptor_hooks *const *hooks = s->handle.hooks;

    return hooks != NULL && (*hooks)->before_close(&s->handle, closing);
}

/*** Give the descriptor to the caller: the socket becomes closed, the
descriptor stays open.
@function Socket:detach
@treturn int the descriptor, which the caller must close
@raise EBADF on a closed socket
*/
static int socket_detach(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "detach");

    loop_forget(task_loops_if_any(L), &s->handle, false);
    keeps_descriptor(s, false);
    known_note_closed(s->handle.fd);
    lua_pushinteger(L, s->handle.fd);
    s->handle.fd = -1;
    return 1;
}

/*** Return the number of the descriptor, which the socket still owns.
@function Socket:fd
@treturn int
@raise EBADF on a closed socket
*/
static int socket_fd(lua_State *L)
{
    lua_pushinteger(L, socket_check_open(L, 1, "fd")->handle.fd);
    return 1;
}

/* ---- time-out ---- */

/*** Set how long each call on this socket may wait.
The time begins when the call first has to wait, or, if it takes several steps,
with the first of them; then it ends the call even if that need not wait at all.
A call that runs out of time raises an error with `timeout = true`; data that was
received can still be read.
@function Socket:settimeout
@number[opt] seconds with fractions; nil: no limit; 0: non-blocking mode, in
which a call that would have to wait returns `false`
@treturn Socket itself
@raise argument error for a negative number; EBADF on a closed socket
*/
static int socket_settimeout(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "settimeout");

    socket_set_timeout(s, clock_check_seconds(L, 2));
    lua_settop(L, 1);
    return 1;
}

/*** Return the time-out that `settimeout` set.
@function Socket:gettimeout
@treturn ?number seconds; nil: no limit
@raise EBADF on a closed socket
*/
static int socket_gettimeout(lua_State *L)
{
    const struct socket *s = socket_check_open(L, 1, "gettimeout");

    clock_push_seconds(L, s->handle.timeout);
    return 1;
}

/* ---- close ---- */

/* After EINTR from close(2) the descriptor is closed all the same. One that is
 * adopted or shared may have duplicates: then the poller does not notice the end,
 * and the connection goes on. */
int socket_end(lua_State *L, struct socket *s)
{
    const struct loops *loops;
    int fd = s->handle.fd;
    bool is_kept;

    if (fd == -1)
        return 0;
    is_kept = keeps_descriptor(s, !s->is_shared);
    loops = task_loops_if_any(L);
    loop_forget(loops, &s->handle, !is_kept && !s->is_adopted && !s->is_shared);
    if (!is_kept)
        loop_forget_number(loops, fd);
    s->handle.fd = -1;
    known_note_closed(fd);
    if (is_kept || close(fd) == 0 || errno == EINTR)
        return 0;
    return errno;
}

/*** Close the descriptor (close(2)).
Queued data is still sent. The connection ends when no other process holds it.
Closing a closed socket does nothing.
@function Socket:close
@raise whatever error close(2) reports (EIO, …); the socket is closed all the
same
*/
static int socket_close(lua_State *L)
{
    int error = socket_end(L, socket_check(L, 1));

    return error ? error_raise(L, "close", error, 0) : 0;
}

/* The `__close` metamethod: raises nothing while another error propagates. */
static int socket_leave(lua_State *L)
{
    int error = socket_end(L, socket_check(L, 1));

    return error && lua_isnoneornil(L, 2) ? error_raise(L, "close", error, 0)
                                          : 0;
}

/* close_sockets(set): closes the sockets that are its keys. Raises nothing. */
static int socket_close_set(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        socket_end(L, socket_check(L, 2));
        lua_pop(L, 1);
    }
    return 0;
}

static int socket_gc(lua_State *L)
{
    struct socket *s = socket_check(L, 1);

    socket_end(L, s);
    forget_seen(s);
    return 0;
}

/* ---- print ---- */

/* Add the address of one end of the socket to its description, if it has
 * one. */
static void add_name(lua_State *L, luaL_Buffer *b, int fd, name_call *call,
                     const char *before)
{
    struct name_result end;

    if (!name_find(call, fd, &end))
        return;
    luaL_addstring(b, before);
    address_push(L, (const struct sockaddr *)&end.name, end.length);
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    luaL_addvalue(b);
}

static void add_kind(lua_State *L, luaL_Buffer *b, const struct socket *s)
{
    if (s->type == 0) {
        luaL_addstring(b, "descriptor");
        return;
    }
    push_kind(L, s->family, s->type, 0);
    luaL_addvalue(b);
}

/* "socket(inet stream fd 7 127.0.0.1:80 -> 127.0.0.1:51724)" */
static int socket_tostring(lua_State *L)
{
    const struct socket *s = socket_check(L, 1);
    luaL_Buffer b;

    if (s->handle.fd == -1) {
        lua_pushliteral(L, "socket(closed)");
        return 1;
    }
    luaL_buffinit(L, &b);
    luaL_addstring(&b, "socket(");
    add_kind(L, &b, s);
    lua_pushfstring(L, " fd %d", s->handle.fd);
    luaL_addvalue(&b);
    if (s->type != 0) {
        add_name(L, &b, s->handle.fd, getsockname, " ");
        add_name(L, &b, s->handle.fd, getpeername, " -> ");
    }
    luaL_addstring(&b, ")");
    luaL_pushresult(&b);
    return 1;
}

/* ---- the type ---- */

static const luaL_Reg methods[] = {
    {"close", socket_close},
    {"detach", socket_detach},
    {"fd", socket_fd},
    {"gettimeout", socket_gettimeout},
    {"settimeout", socket_settimeout},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__close", socket_leave},
    {"__gc", socket_gc},
    {"__tostring", socket_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"socket", sockeye_socket},
    {NULL, NULL},
};

void socket_add_methods(lua_State *L, const luaL_Reg *more)
{
    metatable_add_methods(L, SOCKET_TYPE, more);
}

void open_socket(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, socket_close_set);
    lua_setfield(L, -2, "close_sockets");
    lua_pop(L, 1);
    names_export(L, &socket_type_names);
    metatable_push_sparse(L, SOCKET_TYPE, metamethods);
    lua_pop(L, 1);
    socket_add_methods(L, methods);
}
