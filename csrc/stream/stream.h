/*
 * stream: a socket, or another descriptor, with two buffers: of data received but
 * not yet read, and of data written but not yet sent.
 *
 * A buffer is allocated when there is data to put into it, and returned to the
 * pool when it is empty.
 */
#ifndef SOCKEYE_STREAM_STREAM_H
#define SOCKEYE_STREAM_STREAM_H

#include <stdint.h>

#include "base/argument.h"
#include "loop/output.h"
#include "socket/socket.h"

enum buffering { BUFFER_AUTO, BUFFER_NO, BUFFER_FULL };

struct stream {
    const void *tag;       /* &stream_tag */
    struct socket *socket; /* anchored by the user value */
    struct block *in;      /* received, not yet read; NULL: nothing */
    uintptr_t taken;       /* how many bytes have been read in all */
    size_t max;            /* bytes before a delimiter */
    struct output out;
    size_t limit; /* bytes kept before they are sent */
    int error;    /* errno that ended reading; 0: none */
    bool ended;   /* the peer will send no more */
    bool closing; /* a call of close has begun */
    bool cut;     /* it was closed before all was sent */
    uint8_t buffering;
};

/* User values. Only a stream that was made of a Lua file has the second. */
enum { STREAM_SOCKET = 1, STREAM_FILE };

extern const char stream_tag;

/* Push a closed stream with so many user values. */
struct stream *stream_new(lua_State *L, int values);

/* Make it a stream of the socket, which is its user value. */
void stream_use(struct stream *s, struct socket *socket);

/* The stream at `arg`, or NULL. */
static inline struct stream *stream_test(lua_State *L, int arg)
{
    struct stream *s = lua_touserdata(L, arg);

    if (s == NULL || lua_rawlen(L, arg) != sizeof *s || s->tag != &stream_tag)
        return NULL;
    return s;
}

/* The stream at `arg`. Raises an argument error if it is none. */
struct stream *stream_check(lua_State *L, int arg);

/* For stream_check_open: raise why there is no open stream at `arg`. */
struct stream *stream_reject(lua_State *L, int arg, const char *call,
                             lua_KContext context);

/* The stream at `arg`. Raises an argument error if it is none; in the name of
 * `call`, EBADF if it is closed, or ECANCELED if a later step finds that it was
 * closed meanwhile. */
static inline struct stream *stream_check_open(lua_State *L, int arg,
                                               const char *call,
                                               lua_KContext context)
{
    struct stream *s = stream_test(L, arg);

    if (s != NULL && s->socket->handle.fd != -1)
        return s;
    return stream_reject(L, arg, call, context);
}

/* Likewise, for a call that writes: a stream that is being closed counts as
 * closed. */
static inline struct stream *stream_check_writable(lua_State *L, int arg,
                                                   const char *call,
                                                   lua_KContext context)
{
    struct stream *s = stream_check_open(L, arg, call, context);

    return s->closing ? stream_reject(L, arg, call, context) : s;
}

static inline bool stream_is_socket(const struct stream *s)
{
    return s->socket->type != 0;
}

/* Receive more, waiting if need be: `wanted` bytes, unless they are too many at
 * once. False: `w` says why not. */
bool stream_fill(lua_State *L, struct stream *s, struct wait *w, size_t wanted);

/* In a task that would have to wait for the stream's peer: whether what the
 * stream has written cannot be sent, for which the peer may be waiting. */
bool stream_fails_to_send(struct stream *s, const struct wait *w);

/* Note that receiving failed: after a lasting error no more is received. */
void stream_note_error(struct stream *s, int error);

/* Send what is pending. False: `w` says why not, and *unsent is how many bytes
 * are left; they are dropped unless they can be sent later. */
bool stream_flush(lua_State *L, struct stream *s, struct wait *w, int flags,
                  size_t *unsent);

/* Drop what was received and not read, and what was written and not sent. */
void stream_drop_buffers(struct stream *s);

/* Add another file's methods, or metamethods, to the stream type. */
void stream_add_methods(lua_State *L, const luaL_Reg *methods);
void stream_add_metamethods(lua_State *L, const luaL_Reg *metamethods);

#endif
