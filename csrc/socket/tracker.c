/*
 * tracker: keeps strings until the kernel is done with them; see tracker.h.
 *
 * Follows the kernel's Documentation/networking/msg_zerocopy.rst. One table
 * holds the trackers of a Lua state, and each tracker has a table of its
 * strings. When a socket is closed, its tracker keeps the descriptor open until
 * the kernel is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/metatable.h"
#include "open.h"
#include "socket/tracker.h"

#ifdef MSG_ZEROCOPY

#include <linux/errqueue.h>

#define MAX_CLOSED 64   /* closed sockets whose strings the kernel still uses */
#define LAST_LOOKS 5000 /* looks, PAUSE apart, when the Lua state is closed */
#define PAUSE 1000000   /* nanoseconds */
#define CONTROL_SIZE 256 /* of one notification */
#define ALL_TYPE "sockeye.zerocopy"
#define WATCH_TYPE "sockeye.zerocopy.watch"

/* The trackers of a Lua state; the registry owns this. */
struct trackers {
    struct tracker *closed; /* those of closed sockets, the latest first */
    bool watched;           /* a userdata is waiting for the next collection */
};

static const char all_key = 'z';

/* ---- the strings ---- */

/* Push the table of the state's trackers. */
static struct trackers *push_trackers(lua_State *L)
{
    struct trackers *all;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &all_key);
    all = lua_touserdata(L, -1);
    lua_getiuservalue(L, -1, 1);
    lua_remove(L, -2);
    return all;
}

/* Push the table of the strings that the kernel still uses. */
static void push_strings(lua_State *L, const struct tracker *t)
{
    push_trackers(L);
    lua_rawgetp(L, -1, t);
    lua_getiuservalue(L, -1, 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

void tracker_anchor(lua_State *L, const struct tracker *t, int index)
{
    push_strings(L, t);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, t->number);
    lua_pop(L, 1);
}

void tracker_note_completed(lua_State *L, struct tracker *t, uint32_t low,
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

/* Whether the script has asked for messages in this queue, and reads it
 * itself. */
static bool script_reads_queue(int fd)
{
    return is_set(fd, IPPROTO_IP, IP_RECVERR) ||
           is_set(fd, IPPROTO_IPV6, IPV6_RECVERR) ||
           is_set(fd, SOL_SOCKET, SO_TIMESTAMPING);
}

/* Whether the control message reports completed calls. Fills in `e`. */
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

/* Read one message of the error queue. False: there is none. */
static bool read_one(int fd, struct sock_extended_err *e, bool *is_ours)
{
    _Alignas(struct cmsghdr) char control[CONTROL_SIZE];
    struct msghdr message = {
        .msg_control = control,
        .msg_controllen = sizeof control,
    };

    while (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
        if (errno != EINTR)
            return false;
    *is_ours = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL && !*is_ours;
         c = CMSG_NXTHDR(&message, c))
        *is_ours = is_completion(c, e);
    return true;
}

/* Read the error queue and note the completed calls. */
static void reap(lua_State *L, struct tracker *t, int fd)
{
    struct sock_extended_err e;
    bool is_ours;

    if (!lua_checkstack(L, TRACKER_SLOTS))
        return;
    while (t->outstanding > 0 && read_one(fd, &e, &is_ours)) {
        if (is_ours)
            tracker_note_completed(L, t, e.ee_info, e.ee_data,
                                   e.ee_code & SO_EE_CODE_ZEROCOPY_COPIED);
    }
}

void tracker_reap(lua_State *L, struct handle *handle)
{
    struct tracker *t = (struct tracker *)handle->hooks;

    tracker_own(t);
    if (t->outstanding > 0 && !script_reads_queue(handle->fd))
        reap(L, t, handle->fd);
}

/* ---- sockets that are closed ---- */

/* Reset the connection, so that the kernel drops what it still had to send. */
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

    for (struct tracker *t = all->closed; t != NULL; t = t->next) {
        tracker_own(t);
        if (!t->is_ours || t->outstanding == 0)
            continue;
        oldest = t;
        count++;
    }
    if (count <= MAX_CLOSED)
        return;
    abort_connection(oldest->fd);
    oldest->is_ours = false;
}

/* Keep the descriptor of a socket that is about to be closed, if the kernel
 * still uses strings, but shut its connection down, as close(2) would. Returns
 * whether the tracker owns the descriptor now. */
static bool before_close(struct handle *handle, bool closing)
{
    struct tracker *t = (struct tracker *)handle->hooks;

    handle->hooks = NULL;
    tracker_own(t);
    if (t->outstanding > 0 && closing && aborts_on_close(handle->fd)) {
        abort_connection(handle->fd);
        t->outstanding = 0;
    }
    if (t->outstanding > 0)
        t->fd = closing ? handle->fd : fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);
    t->is_ours = closing && t->fd != -1;
    t->next = t->all->closed;
    t->all->closed = t;
    if (!t->is_ours)
        return false;
    shutdown(t->fd, SHUT_RDWR);
    abort_oldest(t->all);
    return true;
}

static const struct descriptor_hooks tracker_hooks = {tracker_reap,
                                                      before_close};

/* Without a descriptor nothing reports when the kernel is done: such strings
 * are kept for ever. */
void tracker_reap_closed(lua_State *L, struct trackers *all)
{
    struct tracker **link = &all->closed;

    while (*link != NULL) {
        struct tracker *t = *link;

        tracker_own(t);
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

/* Create a userdata whose finaliser looks at the closed sockets, and calls this
 * again while there are trackers: so it runs once in each cycle. */
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
    tracker_reap_closed(L, all);
    lua_pushnil(L);
    needed = lua_next(L, -2);
    if (needed)
        watch(L, all);
    return 0;
}

/* Read the error queue without running Lua. Returns how many calls are
 * outstanding. */
static uint32_t count_down(struct tracker *t)
{
    struct sock_extended_err e;
    bool is_ours;

    tracker_own(t);
    if (t->fd == -1)
        return 0;
    while (t->outstanding > 0 && read_one(t->fd, &e, &is_ours)) {
        uint32_t count = is_ours ? e.ee_data - e.ee_info + 1 : 0;

        t->outstanding -= count < t->outstanding ? count : t->outstanding;
    }
    return t->outstanding;
}

/* Wait for the kernel for a while, since closing the Lua state frees the
 * strings; then reset the connections that are still busy. */
static int trackers_gc(lua_State *L)
{
    struct trackers *all = lua_touserdata(L, 1);
    const struct timespec pause = {0, PAUSE};
    uint32_t outstanding = 1;

    for (int i = 0; outstanding > 0 && i < LAST_LOOKS; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        outstanding = 0;
        for (struct tracker *t = all->closed; t != NULL; t = t->next)
            outstanding += count_down(t);
    }
    for (struct tracker *t = all->closed; t != NULL; t = t->next) {
        if (t->outstanding > 0 && t->is_ours)
            abort_connection(t->fd);
        if (t->fd != -1)
            close(t->fd);
    }
    all->closed = NULL;
    return 0;
}

/* ---- the tracker of a socket ---- */

/* Set SO_ZEROCOPY. Refuses a socket that has it and is adopted or shared: calls
 * made elsewhere may have been numbered already. */
static bool enable(const struct socket *s)
{
    const int on = 1;

    if ((s->is_adopted || s->is_shared) &&
        is_set(s->handle.fd, SOL_SOCKET, SO_ZEROCOPY))
        return false;
    return setsockopt(s->handle.fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) ==
           0;
}

struct tracker *tracker_get(lua_State *L, struct socket *s)
{
    struct trackers *all;
    struct tracker *t;

    if (s->handle.hooks != NULL)
        return (struct tracker *)s->handle.hooks;
    all = push_trackers(L);
    watch(L, all);
    t = lua_newuserdatauv(L, sizeof *t, 1);
    *t = (struct tracker){&tracker_hooks, all, .fd = -1,
                          .process = process_number};
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    lua_rawsetp(L, -2, t);
    /* A finalizer may have sent from this socket too, or closed it. */
    if (s->handle.hooks == NULL && enable(s)) {
        s->handle.hooks = &t->hooks;
    } else {
        lua_pushnil(L);
        lua_rawsetp(L, -2, t);
    }
    lua_pop(L, 1);
    return (struct tracker *)s->handle.hooks;
}

void open_tracker(lua_State *L)
{
    static const luaL_Reg all_metamethods[] = {
        {"__gc", trackers_gc},
        {NULL, NULL},
    };
    static const luaL_Reg watch_metamethods[] = {
        {"__gc", watch_gc},
        {NULL, NULL},
    };
    struct trackers *all = lua_newuserdatauv(L, sizeof *all, 1);

    *all = (struct trackers){NULL, false};
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    metatable_push(L, ALL_TYPE, all_metamethods);
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &all_key);
    metatable_push(L, WATCH_TYPE, watch_metamethods);
    lua_pop(L, 1);
}

#else

void open_tracker(lua_State *L)
{
    (void)L;
}

#endif
