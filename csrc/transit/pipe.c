/*
 * pipe: moves bytes from one stream to another without passing them through
 * Lua, and inside the kernel where it can.
 *
 * A transit whose ends are streams. However a call ends, bytes that were taken
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

/*** Move bytes to another stream, without making strings of them (splice(2)).
Data already written to the other stream is sent first. Both streams can be used
afterwards; `other` is not shut down.
@function Stream:pipe
@tparam Stream other the destination
@int[opt] count the maximum number of bytes; nil: all up to the end
@treturn int how many bytes were moved
@return `false` and how many bytes were moved, if it would have to wait in
non-blocking mode
@raise as `read` on this stream and `write` on the other; a time-out counts from
the last byte that was moved. The error's `sent` is how many bytes were moved;
the others can still be read.
@usage client:pipe(upstream) upstream:shutdown("wr")
*/
static int stream_pipe(lua_State *L)
{
    struct transit *m;
    uint64_t count;

    stream_check_open(L, FROM, "pipe", 0);
    stream_check_writable(L, TO, "pipe", 0);
    count = transit_count(L, COUNT);
    lua_settop(L, TRANSIT - 1);
    m = transit_push(L, pipe_calls);
    transit_end_stream(L, &m->from, FROM, "pipe");
    transit_end_stream(L, &m->to, TO, "pipe");
    m->left = count;
    m->way = BY_PIPE;
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
