/*
 * read: the methods read, read_until, read_some and lines of a stream.
 *
 * Each attempt reads from the start of the buffer, and only one that succeeds
 * removes what it has read: whatever ends a call, no data is lost. Follows
 * Lua's file:read.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "open.h"
#include "stream/numeral.h"
#include "stream/stream.h"

#define HUGE_SIZE (SIZE_MAX / 2)
#define READ_SOME_DEFAULT 65536

/* One attempt to read from the buffer. */
struct reading {
    const struct stream *stream;
    uintptr_t from;    /* the stream's `taken`, where its buffer began */
    const char *bytes; /* the buffer, found again whenever Lua may have run */
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

/* After an allocation, which may have run Lua code: find the bytes again. */
static enum outcome find_bytes(struct reading *r)
{
    const struct block *b = r->stream->in;

    if (r->stream->taken != r->from || block_used(b) < r->length)
        return CHANGED;
    if (b != NULL)
        r->bytes = b->bytes + b->start;
    return FOUND;
}

static enum outcome push_bytes(lua_State *L, struct reading *r, size_t size)
{
    lua_pushlstring(L, r->bytes + r->at, size);
    r->at += size;
    return find_bytes(r);
}

static enum outcome push_nothing(lua_State *L)
{
    lua_pushnil(L);
    return NOTHING;
}

static enum outcome need_more(struct reading *r, size_t wanted)
{
    r->wanted = wanted;
    return MORE;
}

/* ---- up to a delimiter ---- */

/* Push what comes before the delimiter, of `size` bytes, at `end`, and the
 * first `kept` bytes of the delimiter; `end` is NULL if there is none. */
static enum outcome push_until(lua_State *L, struct reading *r, const char *end,
                               size_t size, size_t kept)
{
    size_t left = r->length - r->at;
    size_t length = end ? (size_t)(end - r->bytes) - r->at : left;

    if (length > r->max && (end != NULL || r->ended || length - r->max >= size))
        return TOO_MANY;
    if (end != NULL) {
        enum outcome outcome = push_bytes(L, r, length + kept);

        r->at += size - kept;
        return outcome;
    }
    if (!r->ended) {
        r->scanned = r->length;
        return need_more(r, 1);
    }
    return left > 0 ? push_bytes(L, r, left) : push_nothing(L);
}

static enum outcome read_line(lua_State *L, struct reading *r, size_t kept)
{
    size_t from = r->scanned > r->at ? r->scanned : r->at;

    return push_until(L, r, memchr(r->bytes + from, '\n', r->length - from), 1,
                      kept);
}

/* Stack: the stream, the delimiter, which may begin before `scanned`. */
static enum outcome read_delimited(lua_State *L, struct reading *r)
{
    size_t size;
    const char *delimiter = lua_tolstring(L, 2, &size);
    size_t from = r->scanned >= size ? r->scanned - (size - 1) : 0;

    return push_until(
        L, r, memmem(r->bytes + from, r->length - from, delimiter, size), size,
        0);
}

/* ---- numbers of bytes ---- */

static enum outcome read_count(lua_State *L, struct reading *r, size_t count)
{
    size_t left = r->length - r->at;

    if (count == 0 && left > 0)
        return push_bytes(L, r, 0);
    if (count > 0 && left >= count)
        return push_bytes(L, r, count);
    if (!r->ended)
        return need_more(r, count > left ? count - left : 1);
    return left > 0 ? push_bytes(L, r, left) : push_nothing(L);
}

static enum outcome read_all(lua_State *L, struct reading *r)
{
    return r->ended ? push_bytes(L, r, r->length - r->at)
                    : need_more(r, HUGE_SIZE);
}

/* Stack: the stream, the maximum number of bytes. */
static enum outcome read_any(lua_State *L, struct reading *r)
{
    size_t most = lua_isnil(L, 2) ? READ_SOME_DEFAULT
                                  : size_of_integer(lua_tointeger(L, 2));

    if (r->length > 0)
        return push_bytes(L, r, r->length < most ? r->length : most);
    return r->ended ? push_nothing(L) : need_more(r, most);
}

/* Bytes that cannot belong to a numeral stay unread. */
static enum outcome read_number(lua_State *L, struct reading *r)
{
    size_t left = r->length - r->at;
    struct numeral n = {.bytes = r->bytes + r->at, .length = left};

    numeral_scan(&n);
    if (n.is_short && !r->ended)
        return left > r->max ? TOO_MANY : need_more(r, 1);
    r->at += n.at;
    return lua_stringtonumber(L, n.text) ? FOUND : push_nothing(L);
}

/* ---- formats ---- */

static const char *format_name(lua_State *L, int arg)
{
    const char *name = lua_tostring(L, arg);

    return *name == '*' ? name + 1 : name;
}

/* Raise an argument error for a wrong format, before anything is read. */
static void check_formats(lua_State *L, int last)
{
    for (int arg = 2; arg <= last; arg++) {
        if (lua_type(L, arg) == LUA_TNUMBER) {
            luaL_argcheck(L, luaL_checkinteger(L, arg) >= 0, arg,
                          "count must not be negative");
            continue;
        }
        luaL_checkstring(L, arg);
        luaL_argcheck(L,
                      *format_name(L, arg) != '\0' &&
                          strchr("lLan", *format_name(L, arg)) != NULL,
                      arg, "invalid format");
    }
}

static enum outcome read_format(lua_State *L, struct reading *r, int arg)
{
    if (lua_type(L, arg) == LUA_TNUMBER)
        return read_count(L, r, size_of_integer(lua_tointeger(L, arg)));
    switch (*format_name(L, arg)) {
    case 'l':
        return read_line(L, r, 0);
    case 'L':
        return read_line(L, r, 1);
    case 'n':
        return read_number(L, r);
    default:
        return read_all(L, r);
    }
}

/* Stack: the stream, the formats. `scanned` is about one delimiter, and is of
 * no use when there are several formats. */
static enum outcome read_formats(lua_State *L, struct reading *r)
{
    enum outcome outcome = FOUND;
    int arg = 2;

    if (r->last < 2)
        return read_line(L, r, 0);
    if (r->last >= LUA_MINSTACK / 2)
        luaL_checkstack(L, r->last, "too many formats");
    for (; arg <= r->last && outcome == FOUND; arg++) {
        if (r->last > 2)
            r->scanned = 0;
        outcome = read_format(L, r, arg);
    }
    return outcome == NOTHING ? FOUND : outcome;
}

/* ---- a call ---- */

/* Others may have read since the last attempt, up to or beyond what this call
 * has searched. */
static void start_reading(struct reading *r)
{
    const struct stream *s = r->stream;
    const struct block *b = s->in;
    size_t gone = s->taken - r->from;

    r->scanned = r->scanned > gone ? r->scanned - gone : 0;
    r->from = s->taken;
    r->bytes = b ? b->bytes + b->start : "";
    r->length = block_used(b);
    r->at = 0;
    r->ended = s->ended;
    if (r->scanned > r->length)
        r->scanned = 0;
}

static int finish_reading(lua_State *L, struct stream *s,
                          const struct reading *r, enum outcome outcome)
{
    if (outcome == TOO_MANY)
        return error_raise(L, "read", EMSGSIZE, 0);
    s->taken += r->at;
    block_consume(&s->in, s->out.pool, r->at);
    return lua_gettop(L) - r->last;
}

/* Attempt to read until nothing is missing. False: `w` says why that cannot
 * be. */
static bool read_all_wanted(lua_State *L, struct stream *s, struct reading *r,
                            reader *read, struct wait *w, enum outcome *outcome)
{
    for (size_t came = 0;;) {
        size_t before;

        start_reading(r);
        *outcome = read(L, r);
        if (*outcome != MORE && *outcome != CHANGED)
            return true;
        lua_settop(L, r->last);
        w->progress = s->taken + r->scanned;
        if ((came > 0 || *outcome == CHANGED) && !wait_go_on(L, w, came))
            return false;
        came = 0;
        if (*outcome == CHANGED) {
            stream_check_open(L, 1, "read", WAIT_RESUMED);
            continue;
        }
        before = block_used(s->in);
        if (!stream_fill(L, s, w, r->wanted))
            return false;
        came = block_used(s->in) > before ? block_used(s->in) - before : 1;
    }
}

/* The call's progress is the stream offset up to which it has searched for the
 * delimiter. */
static int read_with(lua_State *L, const struct call *call, reader *read,
                     lua_KContext context, size_t max)
{
    struct stream *s = stream_check_open(L, 1, "read", context);
    struct reading r = {.stream = s, .last = lua_gettop(L), .max = max};
    enum outcome outcome;
    struct wait w;

    wait_start(L, &w, call, &s->socket->handle, 0, context);
    r.from = s->taken;
    if (context > WAIT_FIRST && w.progress > s->taken)
        r.scanned = (size_t)w.progress - s->taken;
    if (r.max == 0)
        r.max = s->max;
    if (!read_all_wanted(L, s, &r, read, &w, &outcome))
        return wait_failed(L, &w, 0);
    return finish_reading(L, s, &r, outcome);
}

static int read_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, read_step};

    (void)status;
    return read_with(L, &call, read_formats, context, 0);
}

/*** Read as `file:read` does.
A carriage return is kept as part of its line. The last line need not end with a
newline.
@function Stream:read
@param[opt="l"] ... formats: `"l"` a line without its newline, `"L"` with it,
`"a"` everything up to the end of the stream, `"n"` a number, or an integer: so
many bytes, or fewer at the end of the stream
@return a value for each format; nil at the end of the stream, or where no
number is found, and then no further values; `false` if it would have to wait in
non-blocking mode
@raise EMSGSIZE if a line is longer than `setmax` allows: it stays in the
stream, and can be read with a larger maximum or in pieces; ECONNRESET, …;
ETIMEDOUT with `timeout`; ECANCELED; EBADF on a closed stream. In a task that
would have to wait, what the stream could not send (EPIPE, …), with the peer's
`address`. Data that was received stays in the stream: `read_some` returns it.
@usage local line = conn:read("l")
*/
static int stream_read(lua_State *L)
{
    int last = lua_gettop(L);

    if (last > 1)
        check_formats(L, last);
    return read_step(L, LUA_OK, WAIT_FIRST);
}

static int until_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, until_step};

    (void)status;
    return read_with(L, &call, read_delimited, context,
                     size_of_integer(lua_tointeger(L, 3)));
}

/*** Read up to a delimiter.
@function Stream:read_until
@string delimiter any bytes, at least one
@int[opt] max the maximum number of bytes before it; nil: that of `setmax`
@treturn ?string the bytes before the delimiter, which is removed from the
stream, too; at the end of the stream, what is left, and then nil; `false` if it
would have to wait in non-blocking mode
@raise EMSGSIZE if more than `max` bytes come before the delimiter: they stay in
the stream, and can be read with a larger `max`; otherwise as `read`
@usage local head = conn:read_until("\r\n\r\n", 16384)
*/
static int stream_read_until(lua_State *L)
{
    size_t size;

    luaL_checklstring(L, 2, &size);
    luaL_argcheck(L, size > 0, 2, "delimiter must not be empty");
    luaL_argcheck(L, luaL_optinteger(L, 3, 1) > 0, 3, "max must be positive");
    lua_settop(L, 3);
    return until_step(L, LUA_OK, WAIT_FIRST);
}

static int some_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, some_step};

    (void)status;
    return read_with(L, &call, read_any, context, 0);
}

/*** Read the data that has arrived; wait only if there is none.
@function Stream:read_some
@int[opt=65536] max the maximum number of bytes
@treturn ?string at least one byte; nil at the end of the stream; `false` if it
would have to wait in non-blocking mode
@raise as `read`
*/
static int stream_read_some(lua_State *L)
{
    luaL_argcheck(L, luaL_optinteger(L, 2, 1) > 0, 2, "max must be positive");
    lua_settop(L, 2);
    return some_step(L, LUA_OK, WAIT_FIRST);
}

/* ---- lines ---- */

/* Upvalues: the stream, the formats. */
static int next_line(lua_State *L)
{
    int count = 1;

    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    while (!lua_isnone(L, lua_upvalueindex(count + 1))) {
        if (count >= LUA_MINSTACK - 1)
            luaL_checkstack(L, 1, NULL);
        lua_pushvalue(L, lua_upvalueindex(++count));
    }
    return read_step(L, LUA_OK, WAIT_FIRST);
}

/*** Return an iterator over lines, or over what other formats read.
@function Stream:lines
@param[opt="l"] ... formats, as for `read`
@treturn function calls `read` with these formats; returns nil at the end of the
stream, and raises as `read` does
@raise argument error for a wrong format
@usage for line in conn:lines() do conn:write(line, "\n") end
*/
static int stream_lines(lua_State *L)
{
    int last = lua_gettop(L);

    stream_check_open(L, 1, "lines", 0);
    luaL_argcheck(L, last <= 250, 252, "too many arguments");
    check_formats(L, last);
    lua_pushcclosure(L, next_line, last);
    return 1;
}

void open_stream_read(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"lines", stream_lines},
        {"read", stream_read},
        {"read_some", stream_read_some},
        {"read_until", stream_read_until},
        {NULL, NULL},
    };

    stream_add_methods(L, methods);
}
