/*
 * ways: a transit, bytes on the way from one descriptor to another, and one
 * attempt to move some of them, in each of the ways that there are.
 *
 * An end may be a stream. What a stream has received and not yet given to a
 * reader goes first, and what could not go on is put back there.
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

#define CURRENT_POSITION (-1) /* an offset: where the descriptor stands */

#define WAY_CHUNK ((size_t)65536) /* bytes at once: what a pipe holds */

struct end {
    struct handle *handle; /* a socket's, or `own` */
    struct handle own;     /* of a descriptor that only this call has */
    struct stream *stream; /* whose socket it is; or NULL */
    int64_t offset;
    mode_t kind; /* S_IFSOCK, S_IFREG, …; 0: not asked for */
};

enum way { BY_SENDFILE, BY_SPLICE, BY_PIPE, BY_COPY };

struct transit {
    const struct call *calls; /* by direction: for the waiting, and errors */
    struct pool *pool;
    struct end from, to;
    enum way way;
    uint64_t left;      /* to be taken */
    uint64_t moved;     /* has arrived */
    bool ended;         /* there is no more to take */
    int pipe[2];        /* between the two; -1: none */
    size_t piped;       /* bytes in it */
    struct block *held; /* bytes that have been read */
};

/* How many bytes have been taken and have not gone on. */
static inline size_t transit_between(const struct transit *m)
{
    return m->piped + block_used(m->held);
}

/* Whether the next step is to fill the stream that the bytes come from: what it
 * receives is then sent from its buffer. */
bool transit_fills(const struct transit *m);

/* Whether there may be more to take. */
bool transit_has_input(const struct transit *m);

/* Move some. Zero; or errno, in this direction. `waits`: where nothing can move
 * yet, wait in the kernel. */
int transit_try(struct transit *m, bool waits, enum direction *direction);

/* After such an error: whether there is another way, which the transit then
 * takes. */
bool transit_find_way(struct transit *m, int error);

/* Give the bytes in the pipe back to the stream that they came from. If there
 * is no memory, they stay where they are. */
void transit_unread(struct transit *m);

#endif
