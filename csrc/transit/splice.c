/*
 * splice: from one descriptor to another, past this process.
 *
 * Follows splice(2), but goes on, and puts a pipe of its own between two ends
 * of which neither is one.
 */
#include <lauxlib.h>

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

/* A file that is sent on never leaves anything between. */
static enum way choose_way(const struct transit *m)
{
    if (m->from.kind == S_IFREG && m->to.kind == S_IFSOCK)
        return BY_SENDFILE;
    if (m->from.kind == S_IFIFO || m->to.kind == S_IFIFO)
        return BY_SPLICE;
    return BY_PIPE;
}

/*** Move bytes from one descriptor to another, without making strings of them,
up to the end of the first (splice(2)).
Either is a socket, a pipe, a file or whatever else can be read or written; what
the system cannot move past this process is copied. A Lua file goes on from
where the script is in it, as with `Socket:sendfile`. Streams, which may have
received more than has been read, have `Stream:pipe`.

What was taken from a socket and could not go on cannot be put back: it comes
with the error. (Only an error that a signal handler raises has no place for
it.) A file's position goes back.
@function splice
@param from a `Socket`, a Lua file, a descriptor's number or a path
@param to likewise, but no path
@int[opt] count how many bytes at most; otherwise all up to the end
@tparam[opt] table options `offset_in`, `offset_out`: where to begin in a file,
whose own position stays
@treturn int how many bytes were moved
@return `false`, how many bytes were moved, and a string of those that were
taken but not moved, if any, where it would have to wait and must not
@raise as `recv` and `send`; a time-out counts from the last byte that was
moved. The error's `sent` is how many bytes were moved, `partial` those that
were taken but not moved. ESPIPE for an offset into what has no positions, EBADF
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
    m->way = choose_way(m);
    return transit_run(L, m);
}

/*** Move what is received to another descriptor: `splice`.
@function Socket:splice
@param to as there
@int[opt] count
@tparam[opt] table options
@return as there
@raise as there
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
