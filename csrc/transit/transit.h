/*
 * transit: bytes from one descriptor to another, past Lua and, where the system
 * can, past this process: what sendfile, splice and pipe have in common.
 *
 * A call makes a transit, which stays at TRANSIT on its stack and is closed
 * with it, says what its ends are, and runs it:
 *
 *     m = transit_push(L, calls);
 *     m->to.handle = &s->handle;
 *     transit_end_take(L, &m->from, 2, "sendfile");
 *     return transit_run(L, m);
 */
#ifndef SOCKEYE_TRANSIT_TRANSIT_H
#define SOCKEYE_TRANSIT_TRANSIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/block.h"
#include "stream/stream.h"
#include "task/wait.h"

enum { TRANSIT = 5 }; /* its place, above the arguments */

/* Besides the call itself, so many bytes are an operation of the task's. */
#define TRANSIT_SHARE 32768

#define CURRENT_POSITION (-1) /* an offset: where the descriptor stands */

struct end {
    struct handle *handle; /* a socket's, or `own` */
    struct handle own;     /* of a descriptor that only this call has */
    int64_t offset;
    mode_t kind; /* S_IFSOCK, S_IFREG, …; 0: not asked for */
};

enum way { BY_SENDFILE, BY_SPLICE, BY_PIPE, BY_COPY };

struct transit {
    const struct call *calls; /* by direction: for the waiting, and errors */
    struct stream *stream;    /* whose output goes first; or NULL */
    struct pool *pool;
    struct end from, to;
    enum way way;
    size_t left;        /* to be taken */
    size_t moved;       /* has arrived */
    bool ended;         /* there is no more to take */
    int pipe[2];        /* between the two; -1: none */
    size_t piped;       /* bytes in it */
    struct block *held; /* bytes that have been read */
};

/* What is done when the task of such a call goes on. */
int transit_step(lua_State *L, int status, lua_KContext context);

/* Push a transit, at TRANSIT. `calls` are two, for READING and WRITING. */
struct transit *transit_push(lua_State *L, const struct call *calls);

/* An end: the socket at `arg`, or a duplicate of the descriptor, Lua file or
 * integer, that is there. */
void transit_end_take(lua_State *L, struct end *end, int arg, const char *call);

/* The same, or a path, which is opened to be read. */
void transit_end_open(lua_State *L, struct end *end, int arg, const char *call);

/* Move all that is to be moved. */
int transit_run(lua_State *L, struct transit *m);

/* An offset or a count at `arg`, which may be absent. */
int64_t transit_offset(lua_State *L, int arg);
size_t transit_count(lua_State *L, int arg);

/* ---- one attempt ---- */

/* How many bytes have been taken and have not gone on. */
static inline size_t transit_between(const struct transit *m)
{
    return m->piped + block_used(m->held);
}

/* Move some. Zero; or errno, in this direction. */
int transit_try(struct transit *m, bool waits, enum direction *direction);

/* After such an error: whether there is another way. */
bool transit_find_way(struct transit *m, int error);

/* splice(2); ENOSYS where there is none. */
ssize_t transit_splice_once(struct end *from, struct end *to, size_t size,
                            bool waits);

/* Whether the system cannot do it with these, which says nothing else. */
bool way_is_unsupported(int error);

#endif
