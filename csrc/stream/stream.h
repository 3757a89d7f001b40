/*
 * stream: a socket with buffers: what has been received but not yet read, what
 * has been written but not yet sent.
 *
 * A buffer is taken when there is something to put into it, and given back when
 * it is empty.
 */
#ifndef SOCKEYE_STREAM_STREAM_H
#define SOCKEYE_STREAM_STREAM_H

#include <stdint.h>

#include <lauxlib.h>

#include "loop/output.h"
#include "socket/socket.h"

enum buffering { BUFFER_AUTO, BUFFER_NO, BUFFER_FULL };

struct stream {
    const void *tag;       /* &stream_tag */
    struct socket *socket; /* which the user value keeps */
    struct block *in;      /* received, not yet read; NULL: nothing */
    uintptr_t taken;       /* how many bytes have been read, ever */
    size_t max;            /* of what has a delimiter */
    struct output out;
    size_t limit; /* of what is kept */
    int error;    /* that has ended reading; or 0 */
    bool ended;   /* the peer will send no more */
    uint8_t buffering;
};

extern const char stream_tag;

/* The stream at `arg`, or NULL. */
static inline struct stream *stream_test(lua_State *L, int arg)
{
    struct stream *s = lua_touserdata(L, arg);

    if (s == NULL || lua_rawlen(L, arg) != sizeof *s || s->tag != &stream_tag)
        return NULL;
    return s;
}

/* The stream at `arg`, else argument error. */
struct stream *stream_check(lua_State *L, int arg);

/* For stream_check_open: why there is none. */
struct stream *stream_reject(lua_State *L, int arg, const char *call,
                             lua_KContext context);

/* The stream at `arg`, else argument error; or EBADF from `call` where it is
 * closed; ECANCELED where a call with a context other than 0 finds that it has
 * been closed meanwhile. */
static inline struct stream *stream_check_open(lua_State *L, int arg,
                                               const char *call,
                                               lua_KContext context)
{
    struct stream *s = stream_test(L, arg);

    if (s != NULL && s->socket->handle.fd != -1)
        return s;
    return stream_reject(L, arg, call, context);
}

static inline bool stream_is_socket(const struct stream *s)
{
    return s->socket->type != 0;
}

/* Receive more, and say how the wait went that this may need. `wanted` bytes
 * are asked for if they are not too many at once. */
bool stream_fill(lua_State *L, struct stream *s, struct wait *w, size_t wanted);

/* Receiving has failed: with what lasts, no more is received. */
void stream_note_error(struct stream *s, int error);

/* Send what is pending. False: `w` says why not, and what is pending has been
 * dropped unless that can be done later; *unsent is how much it was. */
bool stream_flush(lua_State *L, struct stream *s, struct wait *w, int flags,
                  size_t *unsent);

/* Add another file's methods to the stream type. */
void stream_add_methods(lua_State *L, const luaL_Reg *methods);

#endif
