/*
 * receive: the methods recv and recvfrom of a socket.
 *
 * Follows recv(2). The end of a stream is returned as nil, an empty datagram as
 * "", and false means that a non-blocking call would have to wait. Functions
 * named socket_* are methods of a socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/families.h"
#include "base/argument.h"
#include "base/descriptor.h"
#include "base/gather.h"
#include "base/scratch.h"
#include "open.h"
#include "socket/socket.h"
#include "socket/transfer.h"

/* One call's request and its result. */
struct receipt {
    int error;   /* errno of a first attempt; 0: none was made */
    int wanted;  /* the caller's flags */
    int flags;   /* those passed to the kernel */
    size_t size; /* how much is asked for; less if memory is short */
    char *buffer;
    ssize_t length; /* of the message: more than size if it was cut */
    bool may_drain; /* a short read means that nothing is left */
};

struct sender {
    struct sockaddr_storage name;
    socklen_t length;
};

__attribute__((always_inline)) static inline void start_receiving(
    lua_State *L, struct receipt *r, struct wait *w, const struct call *call,
    struct socket *s, lua_KContext context)
{
    r->wanted = transfer_receiving_flags(L, 3);
    r->size = transfer_size(L, 2);
    r->flags = transfer_start_receiving(L, w, call, s, r->wanted, context);
    r->may_drain = w->task != NULL && r->wanted == 0 && transfer_gives_all(s);
}

static ssize_t receive_unix(const struct socket *s, struct receipt *r)
{
    bool has_stopped;
    ssize_t n = descriptor_read_unix(s->handle.fd, r->buffer, r->size, r->flags,
                                     &has_stopped);

    if (has_stopped)
        r->may_drain = false;
    return n;
}

/* Make one attempt; `from` may be NULL. */
static inline ssize_t receive_once(lua_State *L, const struct socket *s,
                                   struct receipt *r, char *small,
                                   struct sender *from)
{
    r->buffer = r->size <= STACK_BUFFER ? small : scratch_take(L, &r->size);
    if (s->family == AF_UNIX && r->may_drain) {
        if (from == NULL)
            return receive_unix(s, r);
        r->may_drain = false;
    }
    if (from == NULL)
        return recv(s->handle.fd, r->buffer, r->size, r->flags);
    from->length = sizeof from->name;
    return recvfrom(s->handle.fd, r->buffer, r->size, r->flags,
                    (struct sockaddr *)&from->name, &from->length);
}

/* Repeat an attempt that failed until one succeeds. False: `w` says why. */
static bool keep_trying(lua_State *L, const struct socket *s, struct wait *w,
                        struct receipt *r, char *small, struct sender *from)
{
    do {
        if (!transfer_receive_again(L, s, w, r->size, &r->flags))
            return false;
        r->length = receive_once(L, s, r, small, from);
    } while (r->length == -1);
    return true;
}

/* Receive into `small` or into scratch memory, without an attempt that is known
 * to fail. False: nothing was received; `w` says why. Forced inline: compilers
 * decline because of the stack buffer. */
__attribute__((always_inline)) static inline bool receive(
    lua_State *L, struct socket *s, struct wait *w, struct receipt *r,
    char *small, struct sender *from)
{
    if (r->wanted == 0 && wait_is_drained(w) && !wait_ready(L, w))
        return false;
    r->length = r->error == 0 ? receive_once(L, s, r, small, from) : -1;
    if (r->length == -1 && !keep_trying(L, s, w, r, small, from))
        return false;
    if (r->may_drain && r->length > 0 && (size_t)r->length < r->size)
        wait_note_drained(w);
    return true;
}

/* Push the data, unless the kernel discarded it. */
static void push_data(lua_State *L, const struct socket *s,
                      const struct receipt *r)
{
    size_t length = (size_t)r->length;

    if (length > r->size)
        length = r->size;
    if (length == 0 && r->size > 0 && transfer_ends(s))
        lua_pushnil(L);
    else if (transfer_discards(s, r->wanted))
        lua_pushliteral(L, "");
    else
        lua_pushlstring(L, r->buffer, length);
    scratch_release(L, r->size);
}

/* Push the length of a message that was cut, or whose length was asked for.
 * Returns how many values were pushed. */
static int push_full_length(lua_State *L, const struct receipt *r)
{
    if ((size_t)r->length <= r->size && !(r->wanted & MSG_TRUNC))
        return 0;
    lua_pushinteger(L, r->length);
    return 1;
}

/* Push the sender's address, or nil if there is none. */
static void push_sender(lua_State *L, const struct sender *from)
{
    if (from != NULL && from->length > 0)
        address_push(L, (const struct sockaddr *)&from->name, from->length);
    else
        lua_pushnil(L);
}

/* Whether MSG_WAITALL is not yet satisfied. The kernel may have been asked for
 * less than the caller wants. */
static bool is_incomplete(lua_State *L, const struct socket *s,
                          const struct receipt *r)
{
    return (r->wanted & MSG_WAITALL) &&
           transfer_is_short(s, r->wanted, (size_t)r->length,
                             transfer_size(L, 2));
}

/* Receive the rest for MSG_WAITALL: the kernel returns early after a signal,
 * and does not wait at all on a non-blocking call. Stack: the socket, the size,
 * the flags, the data so far, the sender, the gather. */
enum { CAME = 4, SENDER };

static void push_rest(lua_State *L, const struct call *call,
                      lua_KContext context)
{
    struct socket *s = socket_check_waiting(L, 1, call->name, context);
    struct receipt r;
    struct wait w;
    struct gather *g;
    bool complete;
    ssize_t n;

    start_receiving(L, &r, &w, call, s, context);
    do {
        g = gather_space(L, r.size);
        n = recv(s->handle.fd, g->bytes + g->used, g->size - g->used, r.flags);
        if (n > 0)
            g->used += (size_t)n;
        complete = n == 0 || g->used == r.size;
    } while (!complete &&
             (n == -1 ? wait_again(L, &w) : wait_go_on(L, &w, (size_t)n)));
    gather_push(L);
    if (!complete && w.outcome != WAIT_WOULD_BLOCK) {
        wait_push_error(L, &w, 0);
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "partial");
        lua_error(L);
    }
}

/* Copy the data out of scratch memory before anything is allocated: a finaliser
 * that the collector runs may receive into the same memory. */
static void begin_rest(lua_State *L, const struct socket *s,
                       const struct receipt *r, const struct sender *from)
{
    lua_settop(L, CAME - 1);
    push_data(L, s, r);
    push_sender(L, from);
    gather_new(L, lua_tostring(L, CAME), (size_t)r->length,
               transfer_size(L, 2));
}

static int recv_rest(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recv", POLLIN, recv_rest};

    (void)status;
    push_rest(L, &call, context);
    return 1;
}

static int recv_step(lua_State *L, int status, lua_KContext context);

static int recv_on(lua_State *L, lua_KContext context, int error)
{
    static const struct call call = {"recv", POLLIN, recv_step};
    struct socket *s = socket_check_waiting(L, 1, "recv", context);
    struct receipt r = {.error = error};
    struct wait w;
    char small[STACK_BUFFER];

    start_receiving(L, &r, &w, &call, s, context);
    errno = error;
    if (!receive(L, s, &w, &r, small, NULL))
        return wait_failed(L, &w, 0);
    if (is_incomplete(L, s, &r)) {
        begin_rest(L, s, &r, NULL);
        return recv_rest(L, LUA_OK, WAIT_FIRST);
    }
    push_data(L, s, &r);
    return 1 + push_full_length(L, &r);
}

static int recv_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return recv_on(L, context, 0);
}

/*** Receive from the socket (recv(2)).
Waits until there is data, and returns what one call gets.
@function Socket:recv
@int n the maximum number of bytes; memory is allocated only for what arrives
@param[opt] flags names in a string, as `"peek dontwait"`, or an integer: `oob`,
`peek`, `waitall` (all of the `n` bytes, unless the stream ends before),
`trunc`, `dontwait`, `errqueue`
@treturn ?string the data; `""` for an empty datagram, and from a datagram socket
that was `shutdown` for reading, where there is nothing; nil at the end of a
stream (also for an empty message on a seqpacket socket: the system reports both
alike); `false` if it would have to wait in non-blocking mode
@treturn ?int the full length of the datagram, if it was longer than `n` and was
cut, or with the flag `trunc`
@raise ECONNRESET, ENOTCONN, ECONNREFUSED, …; ETIMEDOUT with `timeout`; with
`waitall` the error's `partial` is the data received so far
@usage local data = s:recv(4096)
*/
FAST_PATH static int socket_recv(lua_State *L)
{
    const struct socket *s = fast_path_socket(L, 2);
    char small[STACK_BUFFER];
    lua_Integer size;
    ssize_t n;

    /* The kernel rejects what is no socket, whose type is 0. */
    if (s == NULL || (s->type != SOCK_STREAM && s->type != 0))
        return recv_on(L, WAIT_FIRST, 0);
    size = lua_tointegerx(L, 2, NULL);
    if ((lua_Unsigned)size - 1 >= STACK_BUFFER)
        return recv_on(L, WAIT_FIRST, 0);
    n = recv(s->handle.fd, small, (size_t)size, 0);
    if (n < 0)
        return recv_on(L, WAIT_FIRST, errno);
    if (n > 0)
        lua_pushlstring(L, small, (size_t)n);
    else
        lua_pushnil(L);
    return 1;
}

static int recvfrom_rest(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recvfrom", POLLIN, recvfrom_rest};

    (void)status;
    push_rest(L, &call, context);
    lua_pushvalue(L, SENDER);
    return 2;
}

static int recvfrom_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"recvfrom", POLLIN, recvfrom_step};
    struct socket *s = socket_check_waiting(L, 1, "recvfrom", context);
    struct receipt r = {.error = 0};
    struct sender from;
    struct wait w;
    char small[STACK_BUFFER];

    (void)status;
    start_receiving(L, &r, &w, &call, s, context);
    if (!receive(L, s, &w, &r, small, &from))
        return wait_failed(L, &w, 0);
    if (is_incomplete(L, s, &r)) {
        begin_rest(L, s, &r, &from);
        return recvfrom_rest(L, LUA_OK, WAIT_FIRST);
    }
    push_data(L, s, &r);
    push_sender(L, &from);
    return 2 + push_full_length(L, &r);
}

/*** Receive, and return the sender's address too (recvfrom(2)).
@function Socket:recvfrom
@int n the maximum number of bytes
@param[opt] flags as for `recv`
@treturn ?string as for `recv`
@treturn ?Address the sender's; nil on a connected stream
@treturn ?int the full length, as the second result of `recv`
@raise as `recv`
@usage local data, from = s:recvfrom(65535)
*/
static int socket_recvfrom(lua_State *L)
{
    return recvfrom_step(L, LUA_OK, WAIT_FIRST);
}

void open_receive(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"recv", socket_recv},
        {"recvfrom", socket_recvfrom},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
