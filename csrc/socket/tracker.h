/*
 * tracker: the strings that a socket has given to the kernel without copying
 * them.
 *
 * The tracker of a socket has the numbers that the kernel gives to the calls,
 * and anchors their strings until the kernel reports in the socket's error
 * queue that it is done with them. Exists where MSG_ZEROCOPY does.
 */
#ifndef SOCKEYE_SOCKET_TRACKER_H
#define SOCKEYE_SOCKET_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "socket/socket.h"

#define TRACKER_SLOTS 6 /* of the stack, which these functions need */

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

/* The socket's tracker; NULL: it has none yet. */
static inline struct tracker *tracker_of(const struct socket *s)
{
    return (struct tracker *)s->handle.hooks;
}

/* The socket's tracker, created where there is none; NULL: the socket cannot
 * send without copying. */
struct tracker *tracker_get(lua_State *L, struct socket *s);

/* Keep the value at `index` for the next call. */
void tracker_anchor(lua_State *L, const struct tracker *t, int index);

/* These calls are completed: drop their strings. */
void tracker_note_completed(lua_State *L, struct tracker *t, uint32_t low,
                            uint32_t high, bool copied);

/* Take up what the error queue reports, unless the script reads it. */
void tracker_reap(lua_State *L, struct handle *handle);

/* The same for sockets that are closed; forget their trackers that are not
 * needed any more. */
void tracker_reap_closed(lua_State *L, struct trackers *all);

#endif
