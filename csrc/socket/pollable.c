/*
 * pollable: the methods that other libraries' loops call on an object to wait
 * for it: pollfd, events and timeout for cqueues, getfd and dirty for
 * LuaSocket's select.
 *
 * Functions named socket_* are methods of a socket.
 */
#include <stddef.h>

#include "base/argument.h"
#include "base/clock.h"
#include "open.h"
#include "socket/socket.h"

/*** Return the number of the descriptor, for cqueues.
Any loop that waits for objects with `pollfd`, `events` and `timeout` can wait
for a socket: `cqueues.poll` for example.
@function Socket:pollfd
@treturn int
@raise EBADF on a closed socket
*/
static int socket_pollfd(lua_State *L)
{
    lua_pushinteger(L, socket_check_open(L, 1, "pollfd")->handle.fd);
    return 1;
}

/*** Return the events to wait for, for cqueues.
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

/*** Return how long to wait, for cqueues.
@function Socket:timeout
@treturn ?number seconds, as set by `settimeout`; nil: no limit
@raise EBADF on a closed socket
*/
static int socket_timeout(lua_State *L)
{
    const struct socket *s = socket_check_open(L, 1, "timeout");

    clock_push_seconds(L, s->handle.timeout);
    return 1;
}

/*** Return the number of the descriptor, for LuaSocket's `select`.
@function Socket:getfd
@treturn int
@raise EBADF on a closed socket
*/
static int socket_getfd(lua_State *L)
{
    lua_pushinteger(L, socket_check_open(L, 1, "getfd")->handle.fd);
    return 1;
}

/*** Return whether the object holds received data in a buffer, for LuaSocket's
`select`.
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
