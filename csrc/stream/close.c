/*
 * close: the method close of a stream, and what ends one in a `<close>`
 * variable. What was written is sent first.
 *
 * Follows Lua's file:close, close(2).
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "open.h"
#include "stream/stream.h"
#include "stream/unsent.h"
#include "task/task.h"

/* Push how the program of io.popen has ended, which closing the file has
 * returned above `top`, and return how many values that are. Raises the error
 * that it has returned otherwise. The standard files cannot be closed: that is
 * no error. */
static int push_end(lua_State *L, int top)
{
    const char *how = lua_tostring(L, top + 2);

    if (how != NULL && (strcmp(how, "exit") == 0 || strcmp(how, "signal") == 0))
        return 2;
    if (!lua_toboolean(L, top + 1) && lua_isinteger(L, top + 3))
        return error_raise(L, "close", (int)lua_tointeger(L, top + 3), 0);
    return 0;
}

/* Close the Lua file that the stream at 1 was made of, if it is open. */
static int close_file(lua_State *L, bool raises)
{
    int top = lua_gettop(L);
    const luaL_Stream *file;

    lua_getiuservalue(L, 1, STREAM_FILE);
    file = luaL_testudata(L, -1, LUA_FILEHANDLE);
    if (file == NULL || file->closef == NULL)
        return 0;
    lua_getfield(L, -1, "close");
    lua_insert(L, -2);
    lua_call(L, 1, 3);
    return raises ? push_end(L, top) : 0;
}

/* Close the stream, dropping its buffers. Returns zero or errno. */
static int end_stream(lua_State *L, struct stream *s)
{
    s->cut |= s->out.pending != NULL;
    stream_drop_buffers(s);
    return socket_end(L, s->socket);
}

/* Close the stream, and raise the error on top. */
static int end_with_error(lua_State *L, struct stream *s)
{
    int top = lua_gettop(L);

    end_stream(L, s);
    close_file(L, false);
    lua_settop(L, top);
    return lua_error(L);
}

static int end_with_output_error(lua_State *L, struct stream *s)
{
    unsent_push(L, &s->out, "close");
    return end_with_error(L, s);
}

/* Send what can be sent without waiting, and close. `has_writer`: what cannot be
 * sent is an error of another task's call. */
static int finish_close(lua_State *L, struct stream *s, bool has_writer)
{
    int error = output_send(&s->out, MSG_DONTWAIT);
    int count;

    if (s->out.error != 0)
        return end_with_output_error(L, s);
    if (error != 0 && !(has_writer && error == EAGAIN)) {
        unsent_push_error(L, "close", error);
        return end_with_error(L, s);
    }
    error = end_stream(L, s);
    count = close_file(L, error == 0);
    return error ? error_raise(L, "close", error, 0) : count;
}

/* From now on, this call sends what another task was to send before it waits.
 * Returns whether another one waits in a call that writes. */
static bool begin_closing(struct stream *s)
{
    const struct task *self = loop_running();
    struct task *writer = s->socket->handle.registration.waiter[WRITING];
    bool flushes = writer != NULL && writer->flushing &&
                   output_is_in(&s->out, writer->outputs);

    s->closing = true;
    if (self == NULL || !output_is_in(&s->out, self->outputs))
        output_leave(&s->out);
    if (flushes)
        loop_wake(writer);
    return writer != NULL && !flushes;
}

/* Another task has closed the stream meanwhile. Not being able to send all is an
 * error of this call, but where a scope around it is over. */
static int end_closed(lua_State *L, const struct stream *s)
{
    const struct task *t = loop_running();

    if (!s->cut || (t != NULL && t->over))
        return 0;
    return error_raise_closed(L, "close", 0);
}

static int close_step(lua_State *L, int status, lua_KContext context);

static const struct call close_call = {"close", POLLOUT, close_step};

/* Close a stream that cannot send all. A scope that is over is no error. */
static int end_unsent(lua_State *L, struct stream *s, const struct wait *w)
{
    if (w->outcome != WAIT_CANCELED) {
        unsent_push_failure(L, w);
        return end_with_error(L, s);
    }
    end_stream(L, s);
    close_file(L, false);
    return 0;
}

/* Flush and close; the stream is closed even if flushing fails. In a scope that
 * is over, send what fits. */
static int close_step(lua_State *L, int status, lua_KContext context)
{
    struct stream *s = stream_check(L, 1);
    struct wait w;
    size_t unsent;
    int flags;

    (void)status;
    if (context != WAIT_FIRST && s->closing && s->socket->handle.fd == -1 &&
        s->out.pending == NULL)
        return end_closed(L, s);
    if (s->out.error != 0)
        return end_with_output_error(L, s);
    if (s->out.pending != NULL) {
        if (begin_closing(s))
            return finish_close(L, s, true);
        flags = wait_resume(L, &w, &close_call, &s->socket->handle, 0, context);
        if (!stream_flush(L, s, &w, flags, &unsent))
            return end_unsent(L, s, &w);
    }
    return finish_close(L, s, false);
}

/*** Send what was written, and close the socket.
Where another task waits in a call that writes to the stream, that call raises
EBADF with `closed`, and what fits is sent. While `close` waits, writing raises
EBADF. Closing a closed stream does nothing. A stream that was made of a Lua file
closes that, too; io.popen's waits for the end of its program then, as
`file:close` does, and so does its thread, with every task.
@function Stream:close
@treturn ?string for a file of `io.popen`: `"exit"` or `"signal"`
@treturn ?int and the exit status, or the number of the signal
@raise the error that kept data from being sent: EPIPE, ECONNRESET, ETIMEDOUT,
…, but no cancellation: then what fits is sent; EAGAIN if it would have to wait
in non-blocking mode; EBADF with `closed` if another task closes the stream before
all is sent. The stream is closed all the same.
*/
static int stream_close(lua_State *L)
{
    struct stream *s = stream_check(L, 1);

    lua_settop(L, 1);
    if (task_may_wait(L))
        return close_step(L, LUA_OK, WAIT_FIRST);
    return finish_close(L, s, false);
}

/* The `__close` metamethod. While another error propagates, it raises nothing
 * and does not wait. */
static int stream_leave(lua_State *L)
{
    struct stream *s;

    if (lua_isnoneornil(L, 2))
        return stream_close(L);
    s = stream_check(L, 1);
    output_send(&s->out, MSG_DONTWAIT);
    end_stream(L, s);
    close_file(L, false);
    return 0;
}

void open_stream_close(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", stream_close},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", stream_leave},
        {NULL, NULL},
    };

    stream_add_methods(L, methods);
    stream_add_metamethods(L, metamethods);
}
