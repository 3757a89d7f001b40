/*
 * queued: the methods inq, outq and outqnsd of a stream, which count its buffers
 * too.
 *
 * Functions named stream_* are methods of a stream.
 */
#include "base/argument.h"
#include "base/block.h"
#include "base/error.h"
#include "open.h"
#include "socket/queues.h"
#include "stream/stream.h"

/* Push the bytes in a buffer of the stream and in a queue of the system. */
static int push_sum(lua_State *L, const struct stream *s,
                    const struct block *buffer, enum queue_kind kind,
                    const char *call)
{
    int bytes;
    int error = queues_ask(s->socket->handle.fd, kind, &bytes);

    if (error != 0)
        return error_raise(L, call, error, 0);
    lua_pushinteger(L, (lua_Integer)block_used(buffer) + bytes);
    return 1;
}

/*** Return how many bytes wait to be read: those in the stream's buffer, and those
that the system holds, as `Socket:inq` counts them.
@function Stream:inq
@treturn int
@raise EBADF on a closed stream; EOPNOTSUPP where the system does not count them
@usage print(conn:inq() .. " bytes have come")
*/
static int stream_inq(lua_State *L)
{
    const struct stream *s = stream_check_open(L, 1, "inq", WAIT_FIRST);

    return push_sum(L, s, s->in, QUEUE_RECEIVED, "inq");
}

/*** Return how many bytes are written and not confirmed by the peer: those in the
stream's buffer, and those in the system's send queue, as `Socket:outq` counts
them.
@function Stream:outq
@treturn int
@raise EBADF on a closed stream; EOPNOTSUPP where the system does not count them,
as of a pipe
@usage while conn:outq() > 0 do sockeye.sleep(0.1) end
*/
static int stream_outq(lua_State *L)
{
    const struct stream *s = stream_check_open(L, 1, "outq", WAIT_FIRST);

    return push_sum(L, s, s->out.pending, QUEUE_UNCONFIRMED, "outq");
}

/*** Return how many bytes are written and not sent: those in the stream's buffer,
and those in the system's send queue, as `Socket:outqnsd` counts them.
@function Stream:outqnsd
@treturn int
@raise EBADF on a closed stream; EOPNOTSUPP where the system does not count them:
it does for TCP alone
@usage print(conn:outqnsd() .. " bytes have to wait for the peer")
*/
static int stream_outqnsd(lua_State *L)
{
    const struct stream *s = stream_check_open(L, 1, "outqnsd", WAIT_FIRST);

    return push_sum(L, s, s->out.pending, QUEUE_UNSENT, "outqnsd");
}

void open_stream_queued(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"inq", stream_inq},
        {"outq", stream_outq},
        {"outqnsd", stream_outqnsd},
        {NULL, NULL},
    };

    stream_add_methods(L, methods);
}
