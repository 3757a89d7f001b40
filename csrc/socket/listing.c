/*
 * listing: the sockets that are open, for finding those that nobody closes.
 *
 * Functions named sockeye_* are the module's.
 */
#include "address/address.h"
#include "address/families.h"
#include "base/argument.h"
#include "base/field.h"
#include "base/names.h"
#include "open.h"
#include "socket/known.h"
#include "socket/name.h"
#include "socket/socket.h"
#include "socket/state.h"

/* What the system knows of a descriptor, asked for at once: no Lua code runs
 * meanwhile, which could close it. */
struct sight {
    struct socket socket; /* a copy, for the descriptor, family and type */
    struct name_result address, peer;
    bool has_address, has_peer;
    const char *state; /* or NULL */
};

static void look_at(struct sight *sight, int fd)
{
    *sight = (struct sight){.socket = {.handle = {.fd = fd}}};
    socket_learn(&sight->socket);
    if (sight->socket.type == 0)
        return;
    sight->has_address = name_find(getsockname, fd, &sight->address);
    sight->has_peer = name_find(getpeername, fd, &sight->peer);
    sight->state = state_name(fd, sight->socket.family, sight->socket.type);
}

static void set_name(lua_State *L, const char *field,
                     const struct name_result *name)
{
    address_push(L, (const struct sockaddr *)&name->name, name->length);
    lua_setfield(L, -2, field);
}

/* Push a table that describes the descriptor. */
static void push_description(lua_State *L, int fd)
{
    struct sight sight;

    known_push_where(L, fd);
    look_at(&sight, fd);
    lua_createtable(L, 0, 7);
    lua_insert(L, -2);
    lua_setfield(L, -2, "where");
    field_set_integer(L, "fd", fd);
    if (sight.socket.type != 0) {
        names_push(L, &address_family_names, sight.socket.family);
        lua_setfield(L, -2, "family");
        names_push(L, &socket_type_names, sight.socket.type);
        lua_setfield(L, -2, "type");
    }
    if (sight.has_address)
        set_name(L, "address", &sight.address);
    if (sight.has_peer)
        set_name(L, "peer", &sight.peer);
    if (sight.state != NULL)
        field_set_string(L, "state", sight.state);
}

/*** List the sockets that this Lua state has open, in the order of their
descriptors: to find those that nobody closes.
A socket that has become garbage is open until it is collected. What `adopt`,
`pipe`, `dup` and received control data have made is listed, too, and what no
socket is, such as a pipe; of a stream its socket is. Other Lua states of the
process list their own.
@function sockets
@treturn table a list of tables: `fd`; `family` and `type`, as `socket` takes
them, absent for what is no socket; `address` and `peer`, as `getsockname` and
`getpeername` return them, absent where there is none; `state`, as
`Socket:state` returns it; and `where`, the script's line that opened it, such as
`"script.lua:12"`, if `trace_sockets` was on then; absent of what the library has
opened by itself, such as a connection that `serve` has accepted in a task
@treturn table counters: how many have been `opened` and `closed` (or given away
by `detach`) in all, and how many are `open`
@see trace_sockets
@usage
sockeye.trace_sockets(true)
…
collectgarbage()
for _, s in ipairs(sockeye.sockets()) do
  print(s.fd, s.type, s.state, s.address, s.peer, s.where)
end
*/
static int sockeye_sockets(lua_State *L)
{
    lua_Integer opened;
    lua_Integer count = 0;

    lua_settop(L, 0);
    lua_newtable(L);
    for (int fd = known_next(L, 0); fd != -1; fd = known_next(L, fd + 1)) {
        push_description(L, fd);
        lua_rawseti(L, 1, ++count);
    }
    opened = known_opened(L);
    lua_createtable(L, 0, 3);
    field_set_integer(L, "opened", opened);
    field_set_integer(L, "closed", opened - count);
    field_set_integer(L, "open", count);
    return 2;
}

/*** Note, for each socket that is opened from now on, the script's line that
opens it: `sockets` lists it. That takes time, so it is off at first.
@function trace_sockets
@bool on whether to note them
@treturn boolean whether they were noted before
@see sockets
@usage sockeye.trace_sockets(true)
*/
static int sockeye_trace_sockets(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    lua_pushboolean(L, known_trace(L, lua_toboolean(L, 1)));
    return 1;
}

void open_listing(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"sockets", sockeye_sockets},
        {"trace_sockets", sockeye_trace_sockets},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
