/*
 * known: which descriptors the sockets of a Lua state own, and how many it has
 * opened.
 *
 * One table of the process has the owner of each descriptor by its number: there
 * is nothing to allocate for a socket, and nothing to find again when it is
 * closed. Descriptors for which it has no memory, and those from KNOWN_MOST on,
 * are counted alone.
 */
#ifndef SOCKEYE_SOCKET_KNOWN_H
#define SOCKEYE_SOCKET_KNOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#define KNOWN_PAGE 1024
#define KNOWN_PAGES 8192
#define KNOWN_MOST (KNOWN_PAGE * KNOWN_PAGES)

/* The address of a state's struct known; odd where the line is noted that has
 * opened the socket; 0: no socket owns the descriptor. */
typedef _Atomic(uintptr_t) known_owner;

extern _Atomic(known_owner *) known_pages[KNOWN_PAGES];

/* Return where the owner of the descriptor stands, or NULL. */
static inline known_owner *known_place(int fd)
{
    known_owner *page;

    if (fd < 0 || fd >= KNOWN_MOST)
        return NULL;
    page = atomic_load_explicit(&known_pages[fd / KNOWN_PAGE],
                                memory_order_acquire);
    return page != NULL ? &page[fd % KNOWN_PAGE] : NULL;
}

/* Call when a socket of this state has got the descriptor. Raises an error of
 * memory alone, while lines are noted. */
void known_note_open(lua_State *L, int fd);

/* Call when the descriptor has been closed or given away. */
static inline void known_note_closed(int fd)
{
    known_owner *place = known_place(fd);

    if (place != NULL)
        atomic_store_explicit(place, 0, memory_order_relaxed);
}

/* Return the first descriptor from `fd` on that a socket of this state owns; -1:
 * there is none. Runs no Lua code. */
int known_next(lua_State *L, int fd);

/* How many descriptors the sockets of this state have got. */
lua_Integer known_opened(lua_State *L);

/* Push the script's line that has opened the socket with the descriptor, or
 * nil. */
void known_push_where(lua_State *L, int fd);

/* Have the lines noted from now on, or not. Returns whether they were. */
bool known_trace(lua_State *L, bool on);

#endif
