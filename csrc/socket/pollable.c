/*
 * pollable: what the loops of other libraries ask a socket: cqueues for pollfd,
 * events and timeout, LuaSocket's select for getfd and dirty.
 *
 * Functions named socket_* are methods of a socket.
 */
#include <stddef.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "open.h"
#include "socket/socket.h"

/*** The number of the descriptor, as cqueues asks for it.
A socket can be waited for wherever an object with `pollfd`, `events` and
`timeout` can: in `cqueues.poll`, for one.
@function Socket:pollfd
@treturn int
@raise EBADF on a closed socket
*/
static int socket_pollfd(lua_State *L)
{
    lua_pushinteger(L, socket_check_open(L, 1, "pollfd")->handle.fd);
    return 1;
}

/*** What to wait for, as cqueues asks for it.
@function Socket:events
@treturn string `"r"`; for another event give cqueues a table:
`{pollfd = s:fd(), events = "w"}`
@raise EBADF on a closed socket
*/
static int socket_events(lua_State *L)
{
    socket_check_open(L, 1, "events");
    lua_pushliteral(L, "r");
    return 1;
}

/*** How long to wait, as cqueues asks for it.
@function Socket:timeout
@treturn ?number the time-out that `settimeout` set, or nil
@raise EBADF on a closed socket
*/
static int socket_timeout(lua_State *L)
{
    const struct socket *s = socket_check_open(L, 1, "timeout");

    clock_push_seconds(L, s->handle.timeout);
    return 1;
}

/*** The number of the descriptor, as LuaSocket's `select` asks for it.
@function Socket:getfd
@treturn int
@raise EBADF on a closed socket
*/
static int socket_getfd(lua_State *L)
{
    lua_pushinteger(L, socket_check_open(L, 1, "getfd")->handle.fd);
    return 1;
}

/*** Whether something has been taken from the system but not yet been read, as
LuaSocket's `select` asks for it.
@function Socket:dirty
@treturn boolean false: a socket has no buffer
@raise EBADF on a closed socket
*/
static int socket_dirty(lua_State *L)
{
    socket_check_open(L, 1, "dirty");
    lua_pushboolean(L, false);
    return 1;
}

void open_pollable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"dirty", socket_dirty},     {"events", socket_events},
        {"getfd", socket_getfd},     {"pollfd", socket_pollfd},
        {"timeout", socket_timeout}, {NULL, NULL},
    };

    socket_add_methods(L, methods);
}
