/*
 * read: the methods read, read_some, chunks and lines of a stream.
 *
 * Follows Lua's file:read.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "open.h"
#include "stream/numeral.h"
#include "stream/reading.h"

#define HUGE_SIZE (SIZE_MAX / 2)
#define READ_SOME_DEFAULT 65536

static enum outcome read_line(lua_State *L, struct reading *r, size_t kept)
{
    size_t from = r->scanned > r->at ? r->scanned : r->at;

    return reading_push_until(
        L, r, memchr(r->bytes + from, '\n', r->length - from), 1, kept);
}

/* ---- numbers of bytes ---- */

static enum outcome read_count(lua_State *L, struct reading *r, size_t count)
{
    size_t left = r->length - r->at;

    if (count == 0 && left > 0)
        return reading_push(L, r, 0);
    if (count > 0 && left >= count)
        return reading_push(L, r, count);
    if (!r->ended)
        return reading_need(r, count > left ? count - left : 1);
    return left > 0 ? reading_push(L, r, left) : reading_push_nothing(L);
}

static enum outcome read_all(lua_State *L, struct reading *r)
{
    return r->ended ? reading_push(L, r, r->length - r->at)
                    : reading_need(r, HUGE_SIZE);
}

/* Stack: the stream, the maximum number of bytes. */
static enum outcome read_any(lua_State *L, struct reading *r)
{
    size_t most = lua_isnil(L, 2) ? READ_SOME_DEFAULT
                                  : size_of_integer(lua_tointeger(L, 2));

    if (r->length > 0)
        return reading_push(L, r, r->length < most ? r->length : most);
    return r->ended ? reading_push_nothing(L) : reading_need(r, most);
}

/* Bytes that cannot belong to a numeral stay unread. */
static enum outcome read_number(lua_State *L, struct reading *r)
{
    size_t left = r->length - r->at;
    struct numeral n = {.bytes = r->bytes + r->at, .length = left};

    numeral_scan(&n);
    if (n.is_short && !r->ended)
        return left > r->max ? TOO_MANY : reading_need(r, 1);
    r->at += n.at;
    return lua_stringtonumber(L, n.text) ? FOUND : reading_push_nothing(L);
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

static int read_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, read_step};

    (void)status;
    return reading_run(L, &call, NULL, read_formats, context, 0);
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

static int some_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, some_step};

    (void)status;
    return reading_run(L, &call, "read_some", read_any, context, 0);
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

/* ---- chunks ---- */

/* Stack: the stream, the maximum number of bytes. A loop would take false for a
 * chunk. */
static int chunk_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, chunk_step};
    int count = reading_run(L, &call, "chunks", read_any, context, 0);

    (void)status;
    return lua_isboolean(L, -1)
               ? error_raise_for(L, "chunks", "read", EAGAIN, 0)
               : count;
}

/* Upvalues: the stream, the maximum number of bytes. */
static int next_chunk(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    return chunk_step(L, LUA_OK, WAIT_FIRST);
}

/*** Return an iterator over the data as it arrives.
Each chunk is what `read_some` returns: what has arrived, at least one byte,
after a wait only if there is none.
@function Stream:chunks
@int[opt=65536] size the maximum number of bytes of a chunk
@treturn function returns a chunk; nil at the end of the stream
@raise argument error for a size that is not positive; EBADF on a closed stream.
The iterator raises as `read`, and EAGAIN where it would have to wait in
non-blocking mode
@usage for chunk in conn:chunks() do file:write(chunk) end
*/
static int stream_chunks(lua_State *L)
{
    stream_check_open(L, 1, "chunks", 0);
    luaL_argcheck(L, luaL_optinteger(L, 2, 1) > 0, 2, "size must be positive");
    lua_settop(L, 2);
    lua_pushcclosure(L, next_chunk, 2);
    return 1;
}

/* ---- lines ---- */

static int line_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, line_step};

    (void)status;
    return reading_run(L, &call, "lines", read_formats, context, 0);
}

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
    return line_step(L, LUA_OK, WAIT_FIRST);
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
        {"chunks", stream_chunks},
        {"lines", stream_lines},
        {"read", stream_read},
        {"read_some", stream_read_some},
        {NULL, NULL},
    };

    stream_add_methods(L, methods);
}
