/*
 * tracker: keeps the strings that a socket sends without copying.
 *
 * The kernel numbers the calls that send without copying. A socket's tracker
 * counts along, and anchors each call's string until the kernel reports in the
 * socket's error queue that it is done with it. Exists where MSG_ZEROCOPY does.
 */
#ifndef SOCKEYE_SOCKET_TRACKER_H
#define SOCKEYE_SOCKET_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "base/process.h"
#include "socket/socket.h"

#define TRACKER_SLOTS 6 /* Lua stack slots that these functions need */

struct tracker {
    const struct descriptor_hooks *hooks;
    struct trackers *all;
    struct tracker *next; /* in the list of closed sockets */
    int fd;               /* of a closed socket; -1: none */
    bool is_ours;         /* closed, not detached: nobody else uses it */
    unsigned process;     /* process_number where it was made */
    uint32_t number;      /* the kernel's, of the next call */
    uint32_t outstanding; /* calls that are not completed */
    lua_Integer completed;
    lua_Integer copied;
};

/* The socket's tracker; NULL: it has none yet. */
static inline struct tracker *tracker_of(const struct socket *s)
{
    return (struct tracker *)s->handle.hooks;
}

/* Whether a parent made it before it forked this process. */
static inline bool tracker_is_foreign(const struct tracker *t)
{
    return t->process != process_number;
}

/* Call before the rest is used: the calls of a parent are not outstanding here,
 * for the numbers, the error queue and the connection are the parent's. */
static inline void tracker_own(struct tracker *t)
{
    if (tracker_is_foreign(t))
        t->outstanding = 0;
}

/* The socket's tracker, created where there is none; NULL: the socket cannot
 * send without copying. */
struct tracker *tracker_get(lua_State *L, struct socket *s);

/* Anchor the value at `index` as the next call's. */
void tracker_anchor(lua_State *L, const struct tracker *t, int index);

/* Note that the calls `low` to `high` are completed, and drop their strings. */
void tracker_note_completed(lua_State *L, struct tracker *t, uint32_t low,
                            uint32_t high, bool copied);

/* Note the completed calls that the error queue reports, unless the script
 * reads that queue itself. */
void tracker_reap(lua_State *L, struct handle *handle);

/* Note the completed calls of closed sockets, and close the descriptors of
 * those that have none outstanding. */
void tracker_reap_closed(lua_State *L, struct trackers *all);

#endif
