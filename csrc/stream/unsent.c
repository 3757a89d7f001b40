/*
 * unsent: errors of what a stream could not send; see unsent.h.
 */

#include "base/argument.h"
#include "base/error.h"
#include "socket/connection.h"
#include "stream/unsent.h"
#include "task/handle.h"

static int read_peer(lua_State *L)
{
    connection_push_peer(L, 1);
    return 1;
}

/* Stack: the stream. Push the peer's address; nil where there is none, or no
 * memory for it. */
static void push_peer(lua_State *L)
{
    lua_pushcfunction(L, read_peer);
    lua_getiuservalue(L, 1, 1);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        return;
    lua_pop(L, 1);
    lua_pushnil(L);
}

/* The error is on top: set the peer's address in it. */
static void set_peer(lua_State *L)
{
    push_peer(L);
    lua_setfield(L, -2, "address");
}

void unsent_push_failure(lua_State *L, const struct wait *w)
{
    wait_push_error(L, w, 0);
    set_peer(L);
}

void unsent_push_error(lua_State *L, const char *call, int error)
{
    error_push(L, call, error, 0);
    set_peer(L);
}

int unsent_fail(lua_State *L, const struct wait *w)
{
    if (w->outcome == WAIT_WOULD_BLOCK)
        return wait_failed(L, w, 0);
    unsent_push_failure(L, w);
    return lua_error(L);
}

/* Push the error that the output keeps, and drop it there. */
void unsent_push(lua_State *L, struct output *o, const char *call)
{
    int error = o->error;
    bool timed_out = o->timed_out;

    output_drop(o);
    if (timed_out)
        handle_push_timeout(L, call, 0, o->handle);
    else
        error_push(L, call, error, 0);
    set_peer(L);
}

void unsent_raise(lua_State *L, struct output *o, const char *call)
{
    unsent_push(L, o, call);
    lua_error(L);
}
