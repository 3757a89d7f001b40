/*
 * splice: moves bytes from one descriptor to another, inside the kernel where
 * it can.
 *
 * Follows splice(2), but repeats the call, and creates a pipe where neither end
 * is one.
 */

#include "base/argument.h"
#include "base/field.h"
#include "open.h"
#include "transit/transit.h"

enum { FROM = 1, TO, COUNT, OPTIONS };

static const struct call splice_calls[] = {
    [READING] = {"splice", POLLIN, transit_step},
    [WRITING] = {"splice", POLLOUT, transit_step},
};

static int64_t option_offset(lua_State *L, const char *name)
{
    if (lua_isnoneornil(L, OPTIONS))
        return CURRENT_POSITION;
    return field_opt_integer(L, OPTIONS, OPTIONS, name, 0, LUA_MAXINTEGER,
                             CURRENT_POSITION);
}

/*** Move bytes from one descriptor to another, up to the end of the first,
without making strings of them (splice(2)).
Each is a socket, a pipe, a file or anything else that can be read or written;
the bytes are copied if the system cannot move them itself. With a Lua file the
call begins where the script reads or writes next, as with `Socket:sendfile`.
For streams, which may have buffered data, use `Stream:pipe`.

Bytes that were taken from a socket or a pipe but could not be delivered cannot
be put back: the error has them in `partial`. (They are lost if a signal handler
raises the error.) In a file, the position is moved back.
@function splice
@param from a `Socket`, a Lua file, a descriptor's number or a path
@param to a `Socket`, a Lua file or a descriptor's number
@int[opt] count the maximum number of bytes; nil: all up to the end
@tparam[opt] table options `offset_in`, `offset_out`: where to begin in a file,
in bytes; its own position is then neither used nor moved
@treturn int how many bytes were moved
@return if it would have to wait in non-blocking mode: `false`, how many bytes
were moved, and a string of those that were taken but not moved, if any
@raise as `recv` and `send`; a time-out counts from the last byte that was
moved. The error's `sent` is how many bytes were moved, `partial` those that
were taken but not moved. ESPIPE for an offset into a file that has no
positions, EBADF
@usage sockeye.splice(socket, io.open("upload", "w"), length)
*/
static int sockeye_splice(lua_State *L)
{
    static const char *const names[] = {"offset_in", "offset_out", NULL};
    uint64_t count = transit_count(L, COUNT);
    int64_t offset_in, offset_out;
    struct transit *m;

    luaL_checkany(L, TO);
    if (!lua_isnoneornil(L, OPTIONS))
        check_fields(L, OPTIONS, names);
    offset_in = option_offset(L, "offset_in");
    offset_out = option_offset(L, "offset_out");
    lua_settop(L, TRANSIT - 1);
    m = transit_push(L, splice_calls);
    transit_end_open(L, &m->from, FROM, "splice");
    transit_end_take(L, &m->to, TO, "splice");
    m->from.offset = offset_in;
    m->to.offset = offset_out;
    m->left = count;
    m->way = transit_choose_way(m);
    return transit_run(L, m);
}

/*** Move received bytes to another descriptor, as `splice` does.
@function Socket:splice
@param to as `splice` takes it
@int[opt] count the maximum number of bytes
@tparam[opt] table options as `splice` takes them
@return as `splice`
@raise as `splice`
@usage client:splice(upstream, length)
*/
static int socket_splice(lua_State *L)
{
    socket_check_open(L, 1, "splice");
    return sockeye_splice(L);
}

void open_splice(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"splice", sockeye_splice},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"splice", socket_splice},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    socket_add_methods(L, methods);
}
