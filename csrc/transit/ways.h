/*
 * ways: struct transit, a call that moves bytes from one descriptor to another,
 * and one attempt to move some of them: with sendfile, with splice, with splice
 * through a pipe between, or by copying.
 *
 * An end may be a stream. The source stream's buffer is sent first, and bytes
 * that could not be delivered are put back there.
 */
#ifndef SOCKEYE_TRANSIT_WAYS_H
#define SOCKEYE_TRANSIT_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/block.h"
#include "loop/loop.h"
#include "stream/stream.h"

#define CURRENT_POSITION (-1) /* an offset: the descriptor's own position */

#define WAY_CHUNK ((size_t)65536) /* bytes at once: a pipe's capacity */

struct end {
    struct handle *handle; /* a socket's, or `own` */
    struct handle own; /* a descriptor that the transit owns; fd is -1: none */
    struct stream *stream; /* the stream that `handle` belongs to, or NULL */
    int64_t offset;
    mode_t kind; /* S_IFSOCK, S_IFREG, …; 0: unknown */
};

enum way { BY_SENDFILE, BY_SPLICE, BY_PIPE, BY_COPY };

struct transit {
    const struct call *calls; /* by direction: for waits and errors */
    struct pool *pool;
    struct end from, to;
    enum way way;
    uint64_t left;  /* still to be taken */
    uint64_t moved; /* has been delivered */
    bool ended;     /* the source is at its end */
    bool shut;      /* reading from the source was shut down */
    int pipe[2];    /* between the two ends; -1: none */
    int vain;       /* attempts in a row that moved nothing and did not fail */
    size_t piped;   /* bytes in it */
    struct block *held; /* bytes read but not delivered; or NULL */
};

/* How many bytes have been taken but not delivered. */
static inline size_t transit_buffered(const struct transit *m)
{
    return m->piped + block_used(m->held);
}

/* The best way between the two ends. */
enum way transit_choose_way(const struct transit *m);

/* Whether the next step is to fill the source stream, whose buffer is then
 * sent. */
bool transit_fills(const struct transit *m);

/* Whether there may be more to take. */
bool transit_has_input(const struct transit *m);

/* Move some bytes. Returns zero, or errno and in which direction it came up.
 * `waits`: if nothing can move yet, wait in the kernel. */
int transit_try(struct transit *m, bool waits, enum direction *direction);

/* After transit_try has failed with `error`: choose another way. False: there
 * is none. */
bool transit_find_way(struct transit *m, int error);

/* Put the bytes in the pipe back into the source stream. Without memory for
 * them, they stay in the pipe. */
void transit_unread(struct transit *m);

#endif
