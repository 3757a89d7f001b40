/*
 * pipe: moves bytes from a stream to another, or to a file, without passing them
 * through Lua, and inside the kernel where it can.
 *
 * A transit whose first end is a stream. However a call ends, bytes that were taken
 * but not delivered are put back into the first stream. Follows splice(2),
 * pipe(2).
 */

#include "base/argument.h"
#include "open.h"
#include "stream/stream.h"
#include "transit/transit.h"

enum { FROM = 1, TO, COUNT };

static const struct call pipe_calls[] = {
    [READING] = {"pipe", POLLIN, transit_step},
    [WRITING] = {"pipe", POLLOUT, transit_step},
};

/* A stream, or what transit_end_take duplicates. */
static void take_destination(lua_State *L, struct transit *m)
{
    if (stream_test(L, TO) != NULL)
        transit_end_stream(L, &m->to, TO, "pipe");
    else
        transit_end_take(L, &m->to, TO, "pipe");
}

static void check_destination(lua_State *L)
{
    if (lua_type(L, TO) != LUA_TNUMBER &&
        luaL_testudata(L, TO, LUA_FILEHANDLE) == NULL)
        stream_check_writable(L, TO, "pipe", 0);
}

/*** Move bytes to another stream, or to a file, without making strings of them
(splice(2), sendfile(2)).
Data already written to the other stream is sent first. Both streams can be used
afterwards; `other` is not shut down.

To a Lua file the bytes are written where the script would write next, after what
it has written, which is flushed; the script goes on behind them. They come from
a file if this stream was made of one: `sockeye.stream(io.open(path))`, which is
what `Stream:sendfile` does in the other direction. Pipes and files on disk serve
as well as sockets.
@function Stream:pipe
@tparam Stream|file|int other the destination: a stream, a Lua file or the number
of a descriptor
@int[opt] count the maximum number of bytes; nil: all up to the end
@treturn int how many bytes were moved
@return `false` and how many bytes were moved, if it would have to wait in
non-blocking mode
@raise as `read` on this stream and `write` on the other; ENOSPC, … of a file; a
time-out counts from the last byte that was moved. The error's `sent` is how many
bytes were moved; the others can still be read.
@usage
client:pipe(upstream)
upstream:shutdown("wr")
local file <close> = assert(io.open("upload", "wb"))
local size = conn:pipe(file, tonumber(headers["content-length"]))
*/
static int stream_pipe(lua_State *L)
{
    struct transit *m;
    uint64_t count;

    stream_check_open(L, FROM, "pipe", 0);
    check_destination(L);
    count = transit_count(L, COUNT);
    lua_settop(L, TRANSIT - 1);
    m = transit_push(L, pipe_calls);
    take_destination(L, m);
    transit_end_stream(L, &m->from, FROM, "pipe");
    m->left = count;
    m->way = transit_choose_way(m);
    return transit_run(L, m);
}

void open_pipe(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"pipe", stream_pipe},
        {NULL, NULL},
    };

    stream_add_methods(L, methods);
}
