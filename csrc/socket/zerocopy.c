/*
 * zerocopy: sending strings without copying them; see zerocopy.h.
 *
 * Follows send(2), the kernel's Documentation/networking/msg_zerocopy.rst. A
 * socket that sends so has a tracker, which knows the numbers that the kernel
 * gives to the calls, and has their strings in a table. One table holds the
 * trackers of a Lua state; a socket that is closed leaves its tracker with the
 * descriptor until the kernel has done.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/error.h"
#include "open.h"
#include "socket/transfer.h"
#include "socket/zerocopy.h"

#ifdef MSG_ZEROCOPY

#include <linux/errqueue.h>

#define REAP_AFTER 8     /* outstanding calls, which are worth a look */
#define LINGERING 64     /* closed sockets, of which the kernel has strings */
#define LAST_WAIT 5000   /* milliseconds, when the Lua state is closed */
#define PAUSE 1000000    /* nanoseconds between two looks */
#define CONTROL_SIZE 256 /* of one notification */
#define SLOTS 6          /* of the stack */
#define ALL_TYPE "sockeye.zerocopy"
#define WATCH_TYPE "sockeye.zerocopy.watch"

/* The type's and the state's, which the registry keeps. */
struct trackers {
    struct tracker *left; /* whose sockets are closed, the latest first */
    bool watched;         /* by the collector's cycles */
};

struct tracker {
    const struct descriptor_hooks *hooks;
    struct trackers *all;
    struct tracker *next; /* among those that are left */
    int fd;               /* when the socket is closed; -1: not needed */
    bool is_ours;         /* nobody else has that connection */
    uint32_t number;      /* of the next call */
    uint32_t outstanding; /* calls that are not completed */
    lua_Integer completed;
    lua_Integer copied;
};

static const char all_key = 'z';

/* ---- the strings ---- */

/* Push the table of a state's trackers. */
static struct trackers *push_trackers(lua_State *L)
{
    struct trackers *all;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &all_key);
    all = lua_touserdata(L, -1);
    lua_getiuservalue(L, -1, 1);
    lua_remove(L, -2);
    return all;
}

/* Push the table of the strings that the kernel has. */
static void push_strings(lua_State *L, const struct tracker *t)
{
    push_trackers(L);
    lua_rawgetp(L, -1, t);
    lua_getiuservalue(L, -1, 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static void anchor(lua_State *L, const struct tracker *t, int index)
{
    push_strings(L, t);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, t->number);
    lua_pop(L, 1);
}

static void note_completed(lua_State *L, struct tracker *t, uint32_t low,
                           uint32_t high, bool copied)
{
    uint32_t count = high - low + 1;

    if (count > t->outstanding)
        count = t->outstanding;
    push_strings(L, t);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushnil(L);
        lua_rawseti(L, -2, (uint32_t)(low + i));
    }
    lua_pop(L, 1);
    t->outstanding -= count;
    t->completed += count;
    t->copied += copied ? count : 0;
}

/* ---- the error queue ---- */

static bool is_set(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;

    return getsockopt(fd, level, name, &value, &length) == 0 && value != 0;
}

/* Whether the script waits for other messages of this queue. */
static bool is_read_elsewhere(int fd)
{
    return is_set(fd, IPPROTO_IP, IP_RECVERR) ||
           is_set(fd, IPPROTO_IPV6, IPV6_RECVERR) ||
           is_set(fd, SOL_SOCKET, SO_TIMESTAMPING);
}

/* Whether it says that calls are completed. */
static bool is_completion(const struct cmsghdr *c, struct sock_extended_err *e)
{
    bool error_is =
        (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);

    if (!error_is || c->cmsg_len < CMSG_LEN(sizeof *e))
        return false;
    memcpy(e, CMSG_DATA(c), sizeof *e);
    return e->ee_origin == SO_EE_ORIGIN_ZEROCOPY;
}

/* Read one notification. False: there is none. */
static bool read_one(int fd, struct sock_extended_err *e, bool *is_ours)
{
    _Alignas(struct cmsghdr) char control[CONTROL_SIZE];
    struct msghdr message = {
        .msg_control = control,
        .msg_controllen = sizeof control,
    };

    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
        return false;
    *is_ours = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL && !*is_ours;
         c = CMSG_NXTHDR(&message, c))
        *is_ours = is_completion(c, e);
    return true;
}

/* Take up what the kernel has done. */
static void reap(lua_State *L, struct tracker *t, int fd)
{
    struct sock_extended_err e;
    bool is_ours;

    if (!lua_checkstack(L, SLOTS))
        return;
    while (t->outstanding > 0 && read_one(fd, &e, &is_ours)) {
        if (is_ours)
            note_completed(L, t, e.ee_info, e.ee_data,
                           e.ee_code & SO_EE_CODE_ZEROCOPY_COPIED);
    }
}

static void before_wait(lua_State *L, struct handle *handle)
{
    struct tracker *t = (struct tracker *)handle->hooks;

    if (t->outstanding > 0 && !is_read_elsewhere(handle->fd))
        reap(L, t, handle->fd);
}

/* ---- sockets that are closed ---- */

/* What the connection still had to send is dropped, and the kernel lets go of
 * it. */
static void abort_connection(int fd)
{
    const struct linger at_once = {1, 0};
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)connect(fd, &nobody, sizeof nobody);
}

static bool aborts_on_close(int fd)
{
    struct linger l = {0, 0};
    socklen_t length = sizeof l;

    return getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &length) == 0 &&
           l.l_onoff && l.l_linger == 0;
}

static void abort_oldest(const struct trackers *all)
{
    struct tracker *oldest = NULL;
    int count = 0;

    for (struct tracker *t = all->left; t != NULL; t = t->next) {
        if (!t->is_ours || t->outstanding == 0)
            continue;
        oldest = t;
        count++;
    }
    if (count <= LINGERING)
        return;
    abort_connection(oldest->fd);
    oldest->is_ours = false;
}

/* What is closed has sent its end, as it would have done otherwise. */
static bool before_close(struct handle *handle, bool closing)
{
    struct tracker *t = (struct tracker *)handle->hooks;

    handle->hooks = NULL;
    if (t->outstanding > 0 && closing && aborts_on_close(handle->fd)) {
        abort_connection(handle->fd);
        t->outstanding = 0;
    }
    if (t->outstanding > 0)
        t->fd = closing ? handle->fd : fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);
    t->is_ours = closing && t->fd != -1;
    t->next = t->all->left;
    t->all->left = t;
    if (!t->is_ours)
        return false;
    shutdown(t->fd, SHUT_RDWR);
    abort_oldest(t->all);
    return true;
}

static const struct descriptor_hooks zerocopy_hooks = {before_wait,
                                                       before_close};

/* Forget the trackers that are not needed any more. What became of strings
 * without a descriptor nobody can tell: they stay. */
static void reap_left(lua_State *L, struct trackers *all)
{
    struct tracker **link = &all->left;

    while (*link != NULL) {
        struct tracker *t = *link;

        if (t->fd != -1)
            reap(L, t, t->fd);
        if (t->outstanding > 0) {
            link = &t->next;
            continue;
        }
        if (t->fd != -1)
            close(t->fd);
        *link = t->next;
        push_trackers(L);
        lua_pushnil(L);
        lua_rawsetp(L, -2, t);
        lua_pop(L, 1);
    }
}

/* ---- the collector ---- */

/* It calls this in each of its cycles, as long as there is a tracker. */
static void watch(lua_State *L, struct trackers *all)
{
    if (all->watched)
        return;
    lua_newuserdatauv(L, 0, 0);
    luaL_setmetatable(L, WATCH_TYPE);
    lua_pop(L, 1);
    all->watched = true;
}

static int watch_gc(lua_State *L)
{
    struct trackers *all = push_trackers(L);
    bool needed;

    all->watched = false;
    reap_left(L, all);
    lua_pushnil(L);
    needed = lua_next(L, -2);
    if (needed)
        watch(L, all);
    return 0;
}

/* The same without a Lua state's memory: how many calls are outstanding. */
static uint32_t count_down(struct tracker *t)
{
    struct sock_extended_err e;
    bool is_ours;

    if (t->fd == -1)
        return 0;
    while (t->outstanding > 0 && read_one(t->fd, &e, &is_ours)) {
        uint32_t count = is_ours ? e.ee_data - e.ee_info + 1 : 0;

        t->outstanding -= count < t->outstanding ? count : t->outstanding;
    }
    return t->outstanding;
}

/* The memory of the strings goes with the Lua state: the kernel is waited for,
 * for a while. */
static int trackers_gc(lua_State *L)
{
    struct trackers *all = lua_touserdata(L, 1);
    const struct timespec pause = {0, PAUSE};
    uint32_t outstanding = 1;

    for (int i = 0; outstanding > 0 && i < LAST_WAIT; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        outstanding = 0;
        for (struct tracker *t = all->left; t != NULL; t = t->next)
            outstanding += count_down(t);
    }
    for (struct tracker *t = all->left; t != NULL; t = t->next) {
        if (t->outstanding > 0 && t->is_ours)
            abort_connection(t->fd);
        if (t->fd != -1)
            close(t->fd);
    }
    all->left = NULL;
    return 0;
}

/* ---- sending ---- */

/* The calls of others on an adopted one may have been counted already. */
static bool enable(const struct socket *s)
{
    const int on = 1;

    if (s->is_adopted && is_set(s->handle.fd, SOL_SOCKET, SO_ZEROCOPY))
        return false;
    return setsockopt(s->handle.fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) ==
           0;
}

/* The socket's tracker; NULL: it cannot do without copies. */
static struct tracker *tracker_of(lua_State *L, struct socket *s)
{
    struct trackers *all;
    struct tracker *t;

    if (s->handle.hooks != NULL)
        return (struct tracker *)s->handle.hooks;
    all = push_trackers(L);
    watch(L, all);
    t = lua_newuserdatauv(L, sizeof *t, 1);
    *t = (struct tracker){&zerocopy_hooks, all, .fd = -1};
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    lua_rawsetp(L, -2, t);
    if (!enable(s)) {
        lua_pushnil(L);
        lua_rawsetp(L, -2, t);
        t = NULL;
    } else {
        s->handle.hooks = &t->hooks;
    }
    lua_pop(L, 1);
    return t;
}

ssize_t zerocopy_send(lua_State *L, struct socket *s, int index,
                      const struct msghdr *message, int flags)
{
    int copying = flags & ~MSG_ZEROCOPY;
    struct tracker *t;
    ssize_t n;

    luaL_checkstack(L, SLOTS, NULL);
    t = tracker_of(L, s);
    if (t == NULL)
        return sendmsg(s->handle.fd, message, copying);
    if (t->outstanding >= REAP_AFTER)
        before_wait(L, &s->handle);
    reap_left(L, t->all);
    anchor(L, t, index);
    n = sendmsg(s->handle.fd, message, flags);
    /* There is a limit to what the kernel keeps account of. */
    if (n == -1 && errno == ENOBUFS)
        return sendmsg(s->handle.fd, message, copying);
    if (n > 0) {
        t->number++;
        t->outstanding++;
    }
    return n;
}

void zerocopy_completed(lua_State *L, const struct socket *s, uint32_t low,
                        uint32_t high, bool copied)
{
    if (s->handle.hooks == NULL)
        return;
    luaL_checkstack(L, SLOTS, NULL);
    note_completed(L, (struct tracker *)s->handle.hooks, low, high, copied);
}

/* ---- waiting ---- */

/* Nothing tells of the error queue alone. */
static bool wait_a_little(lua_State *L, struct wait *w)
{
    if (!wait_is_nonblocking(w))
        return wait_briefly(L, w);
    errno = EAGAIN;
    return wait_again(L, w);
}

/* Whether all that was sent is completed. */
static bool is_done(lua_State *L, const struct socket *s)
{
    const struct tracker *t = (const struct tracker *)s->handle.hooks;

    if (t != NULL)
        before_wait(L, (struct handle *)&s->handle);
    return t == NULL || t->outstanding == 0;
}

static bool wait_for_all(lua_State *L, struct socket *s, struct wait *w,
                         lua_KContext context)
{
    if (s->handle.fd == -1) {
        w->outcome = WAIT_ERROR;
        w->error = context == 0 ? EBADF : ECANCELED;
        return false;
    }
    while (!is_done(L, s)) {
        if (!wait_a_little(L, w))
            return false;
    }
    return true;
}

static int zerocopy_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"zerocopy_wait", 0, zerocopy_step};
    struct socket *s = socket_check_waiting(L, 1, "zerocopy_wait", context);
    int flags = names_flags(L, 2, &transfer_flag_names);
    const struct tracker *t;
    struct wait w;
    bool done;

    (void)status;
    luaL_argcheck(L, (flags & ~MSG_DONTWAIT) == 0, 2,
                  "no other flag than dontwait");
    wait_start(L, &w, &call, &s->handle, flags, context);
    done = wait_for_all(L, s, &w, context);
    if (!done && w.outcome != WAIT_WOULD_BLOCK)
        return wait_failed(L, &w, 0);
    t = (const struct tracker *)s->handle.hooks;
    if (done)
        lua_pushinteger(L, t ? t->completed : 0);
    else
        lua_pushboolean(L, false);
    lua_pushinteger(L, !t ? 0 : done ? t->copied : t->outstanding);
    return 2;
}

/*** Wait until the kernel is done with all that was sent with the flag
`zerocopy` (send(2), the kernel's networking/msg_zerocopy.rst).

That flag (MSG_ZEROCOPY) has `send`, `sendto`, `sendall` and `sendmsg` give
strings to the kernel without copying them, which pays for large ones on a real
interface; on the loopback, and where an interface or a protocol cannot, the
kernel copies after all. The string is kept until the kernel has said in the
socket's error queue that it is done with it. That is looked for by later calls
that send so (every few of them) or that have to wait, and by this one, but not
on a socket that has asked for other messages of that queue (IP_RECVERR,
SO_TIMESTAMPING): there it is noted when the script receives them with the flag
`errqueue`. Until then, `poll` finds the socket ready, as for an error. Where
the kernel would keep account of too much (ENOBUFS), and on an adopted socket
that had SO_ZEROCOPY set, the string is sent by a copy.

A socket that is closed before shuts the connection down as ever; its descriptor
stays open until the kernel is done, which is looked for by later calls that
send so and in the cycles of the collector. When more than 64 wait like that,
the oldest connection is reset; likewise after five seconds when the Lua state
is closed.
@function Socket:zerocopy_wait
@param[opt] flags `dontwait`: only look
@treturn int how many calls are completed, ever
@treturn int for how many of them the kernel copied after all
@return `false` and how many calls are not completed, where it would have to
wait and must not
@raise ETIMEDOUT with `timeout`; EBADF on a closed socket
@usage
s:send(image, "zerocopy")
local sent, copied = s:zerocopy_wait()
*/
static int socket_zerocopy_wait(lua_State *L)
{
    socket_check_open(L, 1, "zerocopy_wait");
    return zerocopy_step(L, LUA_OK, 0);
}

void open_zerocopy(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"zerocopy_wait", socket_zerocopy_wait},
        {NULL, NULL},
    };
    struct trackers *all = lua_newuserdatauv(L, sizeof *all, 1);

    *all = (struct trackers){NULL, false};
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    luaL_newmetatable(L, ALL_TYPE);
    lua_pushcfunction(L, trackers_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &all_key);
    luaL_newmetatable(L, WATCH_TYPE);
    lua_pushcfunction(L, watch_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    socket_add_methods(L, methods);
}

#else

ssize_t zerocopy_send(lua_State *L, struct socket *s, int index,
                      const struct msghdr *message, int flags)
{
    (void)L;
    (void)index;
    return sendmsg(s->handle.fd, message, flags);
}

void zerocopy_completed(lua_State *L, const struct socket *s, uint32_t low,
                        uint32_t high, bool copied)
{
    (void)L;
    (void)s;
    (void)low;
    (void)high;
    (void)copied;
}

void open_zerocopy(lua_State *L)
{
    (void)L;
}

#endif
