/*
 * reading: one call that reads from a stream, by a reader: a function that looks
 * for what it wants in the stream's buffer.
 *
 * Each attempt reads from the start of the buffer, and only one that succeeds
 * removes what it has read: whatever ends a call, no data is lost.
 */
#ifndef SOCKEYE_STREAM_READING_H
#define SOCKEYE_STREAM_READING_H

#include <stdint.h>

#include <lua.h>

#include "stream/stream.h"

/* One attempt to read from the buffer. */
struct reading {
    const struct stream *stream;
    const char *caller; /* the method that the script has called; NULL: read */
    uintptr_t from;     /* the stream's `taken`, where its buffer began */
    const char *bytes;  /* the buffer, found again whenever Lua may have run */
    size_t length;
    size_t at;      /* how many of them are read */
    size_t scanned; /* no delimiter begins before this */
    size_t wanted;  /* how many more bytes are needed */
    size_t max;
    int last;   /* the last argument */
    bool ended; /* no more bytes will come */
};

/* What a reader returns. FOUND: it has pushed the value. NOTHING: it has pushed
 * nil. MORE: more bytes are needed. TOO_MANY: no delimiter among the first
 * `max` bytes. CHANGED: a finalizer has read from the stream, or closed it, and
 * the attempt has to begin anew. */
enum outcome { FOUND, NOTHING, MORE, TOO_MANY, CHANGED };

typedef enum outcome reader(lua_State *L, struct reading *r);

/* Push `size` bytes of the buffer, at `from` or the next ones, which count as
 * read then. CHANGED: pushing them has run Lua code. */
enum outcome reading_push_part(lua_State *L, struct reading *r, size_t from,
                               size_t size);
enum outcome reading_push(lua_State *L, struct reading *r, size_t size);

/* Push nil, at the end of the stream. */
enum outcome reading_push_nothing(lua_State *L);

/* Ask for so many more bytes. */
enum outcome reading_need(struct reading *r, size_t wanted);

/* Push what comes before the delimiter, of `size` bytes, at `end`, and the
 * first `kept` bytes of the delimiter; `end` is NULL if there is none. */
enum outcome reading_push_until(lua_State *L, struct reading *r,
                                const char *end, size_t size, size_t kept);

/* The outcome where no delimiter begins before `from`, but one may begin there
 * when more bytes have come. */
enum outcome reading_go_on(lua_State *L, struct reading *r, size_t from);

/* A step of a call, whose errors have the method `caller`; NULL: it is read. The arguments are on the stack, the stream first. `max` is
 * how many bytes may come before a delimiter; 0: as the stream says. */
int reading_run(lua_State *L, const struct call *call, const char *caller,
                reader *read, lua_KContext context, size_t max);

#endif
