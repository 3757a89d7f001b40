/*
 * zerocopy: sends strings without copying them; see zerocopy.h.
 *
 * Follows send(2), the kernel's Documentation/networking/msg_zerocopy.rst.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/nosignal.h"
#include "open.h"
#include "socket/tracker.h"
#include "socket/transfer.h"
#include "socket/zerocopy.h"

#ifdef MSG_ZEROCOPY

#define REAP_AFTER \
    8 /* so many outstanding calls are worth reading the error queue */

ssize_t zerocopy_send(lua_State *L, struct socket *s, int index,
                      const struct msghdr *message, int flags)
{
    int copying = flags & ~MSG_ZEROCOPY;
    struct tracker *t;
    ssize_t n;

    luaL_checkstack(L, TRACKER_SLOTS, NULL);
    t = tracker_get(L, s);
    if (t == NULL || tracker_is_foreign(t))
        return nosignal_sendmsg(s->handle.fd, message, copying);
    if (t->outstanding >= REAP_AFTER)
        tracker_reap(L, &s->handle);
    tracker_reap_closed(L, t->all);
    tracker_anchor(L, t, index);
    n = nosignal_sendmsg(s->handle.fd, message, flags);
    /* The kernel limits the memory for its notifications. */
    if (n == -1 && errno == ENOBUFS)
        return nosignal_sendmsg(s->handle.fd, message, copying);
    if (n > 0) {
        t->number++;
        t->outstanding++;
    }
    return n;
}

void zerocopy_completed(lua_State *L, const struct socket *s, uint32_t low,
                        uint32_t high, bool copied)
{
    if (tracker_of(s) == NULL)
        return;
    luaL_checkstack(L, TRACKER_SLOTS, NULL);
    tracker_note_completed(L, tracker_of(s), low, high, copied);
}

/* ---- waiting ---- */

/* Pause: no event reports a message in the error queue and nothing else. */
static bool pause_briefly(lua_State *L, struct wait *w)
{
    if (!wait_is_nonblocking(w))
        return wait_briefly(L, w, WAIT_USUALLY);
    errno = EAGAIN;
    return wait_again(L, w);
}

/* Whether all calls are completed. */
static bool is_done(lua_State *L, const struct socket *s)
{
    const struct tracker *t = tracker_of(s);

    if (t != NULL)
        tracker_reap(L, (struct handle *)&s->handle);
    return t == NULL || t->outstanding == 0;
}

static bool wait_for_all(lua_State *L, struct socket *s, struct wait *w)
{
    if (s->handle.fd == -1)
        return wait_end_closed(w);
    while (!is_done(L, s)) {
        if (!pause_briefly(L, w))
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
                  "the only flag is dontwait");
    wait_start(L, &w, &call, &s->handle, flags, context);
    done = wait_for_all(L, s, &w);
    if (!done && w.outcome != WAIT_WOULD_BLOCK)
        return wait_failed(L, &w, 0);
    t = tracker_of(s);
    if (done)
        lua_pushinteger(L, t ? t->completed : 0);
    else
        lua_pushboolean(L, false);
    lua_pushinteger(L, !t ? 0 : done ? t->copied : t->outstanding);
    return 2;
}

/*** Wait until the kernel is done with all that was sent with the flag
`zerocopy` (send(2), the kernel's networking/msg_zerocopy.rst).

With that flag (MSG_ZEROCOPY) `send`, `sendto`, `sendall` and `sendmsg` give
strings to the kernel without copying them, which is faster for large ones on a
real interface. On the loopback, and with interfaces and protocols that do not
support it, the kernel copies after all. The string is kept alive until the
kernel reports in the socket's error queue that it is done with it. This method
reads that queue, as do every few calls with the flag, and calls that have to
wait. None of them does so on a socket that has asked for other messages in that
queue (IP_RECVERR, SO_TIMESTAMPING): there the script has to receive them, with
the flag `errqueue`. While the queue holds a message, `poll` reports the socket
ready, as after an error. The string is copied if the kernel has no memory for
more reports (ENOBUFS), and on an adopted socket on which SO_ZEROCOPY was
already set.

If a socket is closed before then, its connection is shut down as usual, but its
descriptor stays open until the kernel is done. Later calls with the flag, and
each cycle of the collector, look whether it is. When there are more than 64
such sockets, the oldest connection is reset; when the Lua state is closed, all
of them are, after five seconds.
@function Socket:zerocopy_wait
@param[opt] flags `dontwait`: do not wait
@treturn int how many calls on this socket are completed, in all
@treturn int for how many of them the kernel has copied
@return `false` and how many calls are not completed, if it would have to wait
in non-blocking mode
@raise ETIMEDOUT with `timeout`; EBADF on a closed socket
@usage
s:send(image, "zerocopy")
local sent, copied = s:zerocopy_wait()
*/
static int socket_zerocopy_wait(lua_State *L)
{
    socket_check_open(L, 1, "zerocopy_wait");
    return zerocopy_step(L, LUA_OK, WAIT_FIRST);
}

void open_zerocopy(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"zerocopy_wait", socket_zerocopy_wait},
        {NULL, NULL},
    };

    socket_add_methods(L, methods);
}

#else

ssize_t zerocopy_send(lua_State *L, struct socket *s, int index,
                      const struct msghdr *message, int flags)
{
    (void)L;
    (void)index;
    return nosignal_sendmsg(s->handle.fd, message, flags);
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
