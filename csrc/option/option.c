/*
 * option: getsockopt and setsockopt, by name with typed values and by number
 * with bytes.
 *
 * getsockopt(2), setsockopt(2). The options are in table.c, their types
 * in type.c and the files that type.h names.
 * Functions named sockeye_* are the module's, socket_* are methods of a socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <lauxlib.h>

#include "address/address.h"
#include "address/protocol.h"
#include "base/error.h"
#include "base/nearest.h"
#include "open.h"
#include "option/type.h"
#include "socket/socket.h"

#define RAW_MOST (1 << 20) /* bytes of a raw read */

/* The key in the registry of a table: an option's name -> its row. */
static const char rows_key = 'o';

/* clang-format off */
static const struct name level_rows[] = {
    {"socket", SOL_SOCKET}, {"ip", IPPROTO_IP}, {"ipv6", IPPROTO_IPV6},
    {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmpv6", IPPROTO_ICMPV6},
#ifdef SOL_RAW
    {"raw", SOL_RAW},
#endif
#ifdef __linux__
    {"sctp", 132}, {"udplite", 136},
#endif
#ifdef SOL_PACKET
    {"packet", SOL_PACKET},
#endif
#ifdef SOL_NETLINK
    {"netlink", SOL_NETLINK},
#endif
#ifdef SOL_ALG
    {"alg", SOL_ALG},
#endif
#ifdef SOL_TLS
    {"tls", SOL_TLS},
#endif
#ifdef SOL_XDP
    {"xdp", SOL_XDP},
#endif
#ifdef SOL_MPTCP
    {"mptcp", SOL_MPTCP},
#endif
    {NULL, 0},
};
/* clang-format on */

static const struct names level_names = {
    "option level", {"SOL_", NULL}, level_rows};

/* ---- the row of a name ---- */

/* The name that a script may have meant; one without its prefix is near, too.
 */
static int reject_name(lua_State *L, int arg)
{
    struct nearest nearest;

    nearest_start(&nearest, lua_tostring(L, arg));
    for (const struct option *row = option_rows; row->name; row++) {
        const char *underscore = strchr(row->name, '_');

        nearest_offer(&nearest, row->name);
        if (underscore && strcasecmp(underscore + 1, nearest.wanted) == 0) {
            nearest.best = row->name;
            break;
        }
    }
    return nearest_argerror(L, arg, "option", &nearest);
}

static const struct option *check_option(lua_State *L, int arg)
{
    const struct option *row;

    luaL_checktype(L, arg, LUA_TSTRING);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rows_key);
    lua_pushvalue(L, arg);
    lua_rawget(L, -2);
    row = lua_touserdata(L, -1);
    lua_pop(L, 2);
    if (row == NULL)
        reject_name(L, arg);
    return row;
}

static int option_level(const struct option *row, const struct socket *s)
{
    return (row->access & OPTION_BY_FAMILY) && s->family == AF_INET6
               ? IPPROTO_IPV6
               : row->level;
}

/* The same for a value: the group of a socket that is IPv6's may be IPv4's. The
 * structures that have one begin alike. */
static int value_level(const struct option *row, const struct socket *s,
                       const struct option_data *data)
{
    struct sockaddr_storage group;

    if (!(row->access & OPTION_BY_FAMILY))
        return row->level;
    memcpy(&group,
           (const char *)data->bytes + offsetof(struct group_req, gr_group),
           sizeof group);
    return group.ss_family == AF_INET ? row->level : option_level(row, s);
}

static void check_access(lua_State *L, int arg, const struct option *row,
                         unsigned access)
{
    if (row->access & access)
        return;
    lua_pushfstring(L, "option '%s' can only be %s", row->name,
                    access == OPTION_READ ? "written" : "read");
    luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* ---- the raw way ---- */

/* Read "IPPROTO_TCP", "SOL_SOCKET", "AF_VSOCK" or a number. */
static int check_level(lua_State *L, int arg)
{
    const char *name =
        lua_type(L, arg) == LUA_TSTRING ? lua_tostring(L, arg) : "";

    if (strncasecmp(name, "IPPROTO_", 8) == 0)
        return (int)names_check(L, arg, &protocol_names);
    if (strncasecmp(name, "AF_", 3) == 0)
        return address_check_family(L, arg);
    return (int)names_check(L, arg, &level_names);
}

/* A number, or the name of an option at this level. */
static int check_number(lua_State *L, int arg, int level,
                        const struct socket *s)
{
    const struct option *row;

    if (lua_type(L, arg) == LUA_TNUMBER)
        return (int)field_check_range(L, arg, INT32_MIN, INT32_MAX);
    row = check_option(L, arg);
    if (option_level(row, s) != level) {
        lua_pushfstring(L, "option '%s' is at level %s", row->name,
                        row->level_name);
        luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    return row->number;
}

/* Raise, with the level and the number or name at index 2 as the subject. */
static int raise_raw(lua_State *L, const char *call, int error)
{
    luaL_tolstring(L, 2, NULL);
    lua_pushliteral(L, "/");
    luaL_tolstring(L, 3, NULL);
    lua_concat(L, 3);
    return error_raise(L, call, error, -1);
}

static int set_raw(lua_State *L, struct socket *s)
{
    int level = check_level(L, 2);
    int name = check_number(L, 3, level, s);
    size_t length = sizeof(int);
    const void *bytes;
    int number;

    s->nodelay = false;
    if (lua_type(L, 4) == LUA_TNUMBER) {
        number = (int)field_check_range(L, 4, INT32_MIN, UINT32_MAX);
        bytes = &number;
    } else {
        bytes = luaL_checklstring(L, 4, &length);
        luaL_argcheck(L, length <= RAW_MOST, 4, "string too long");
    }
    if (setsockopt(s->handle.fd, level, name, bytes, (socklen_t)length) == -1)
        return raise_raw(L, "setsockopt", errno);
    lua_settop(L, 1);
    return 1;
}

static int get_raw_number(lua_State *L, struct socket *s, int level, int name)
{
    union option_value value = {.number = 0};
    socklen_t length = sizeof value.number;

    if (getsockopt(s->handle.fd, level, name, &value, &length) == -1)
        return raise_raw(L, "getsockopt", errno);
    lua_pushinteger(L, length == 1 ? value.bytes[0] : value.number);
    return 1;
}

/* Options whose length is counted in something else than bytes: the kernel
 * writes so many times as much. */
static const struct counted {
    int level;
    int name;
    size_t unit;
} counted_options[] = {
#ifdef SO_GET_FILTER
    {SOL_SOCKET, SO_GET_FILTER, 8},
#endif
    {0, 0, 0},
};

static size_t length_unit(int level, int name)
{
    for (const struct counted *row = counted_options; row->unit; row++) {
        if (row->level == level && row->name == name)
            return row->unit;
    }
    return 1;
}

static int get_raw(lua_State *L, struct socket *s)
{
    int level = check_level(L, 2);
    int name = check_number(L, 3, level, s);
    socklen_t length;
    size_t unit;
    luaL_Buffer b;
    char *bytes;

    if (lua_isnoneornil(L, 4))
        return get_raw_number(L, s, level, name);
    length = (socklen_t)field_check_range(L, 4, 0, RAW_MOST);
    unit = length_unit(level, name);
    bytes = luaL_buffinitsize(L, &b, length * unit + 1);
    memset(bytes, 0, length * unit);
    if (getsockopt(s->handle.fd, level, name, bytes, &length) == -1)
        return raise_raw(L, "getsockopt", errno);
    luaL_pushresultsize(&b, length * unit);
    return 1;
}

/* ---- the methods ---- */

/*** Set an option of the socket (setsockopt(2)).
By its name in the manual, with a Lua value as the option's type has it:

* *bool*: a boolean
* *int*, *uint*, *size*, *octet*, *word*, *counter*: an integer, in the unit of
the manual (`TCP_USER_TIMEOUT` in milliseconds, `TCP_KEEPIDLE` in seconds);
*word* has 64 bits, and -1 is the greatest of its numbers
* *seconds*: a number, with fractions; 0 is for ever, and for
`SO_VM_SOCKETS_CONNECT_TIMEOUT` the kernel's choice
* *linger*: a number of seconds, 0 to abort the connection on close; or false
* *string*: at most 15 bytes; *bytes*: a string, as the system has it
* *discovery*: `"dont"`, `"want"`, `"do"`, `"probe"`, `"interface"`, `"omit"`
* *flags*: names in one string, or an integer
* *interface*, *multicast_if*: an interface's name, index or address; 0 or `""`
leaves the choice to the system
* *ip_mreqn*, *ipv6_mreq*, *group_req*: `{group = "239.1.2.3", interface =
"eth0"}`, the group also as an `Address`, the interface as above, or absent
* *ip_mreq_source*, *group_source_req*: the same with `source`
* *ip_msfilter*, *group_filter* (RFC 3678), of a group that has been joined:
`{group =, interface =, mode =, sources =}`, the mode being `"include"` for the
sources in the list alone, or `"exclude"` for all but those; to include none is
to leave the group
* *icmp_filter* (raw(7), RFC 3542): a list of the types that pass, all others
being blocked: numbers or names (`"echoreply"`, `"ICMP6_ECHO_REPLY"`); the types
of IPv4's ICMP from 32 on always pass
* *filter* (classic BPF): what `tcpdump -ddd` or `-dd` prints; or a list of
instructions, each `{code, jt, jf, k}`; or their bytes. SO_DETACH_FILTER, an
int of any value, takes it off
* *packet_mreq* (packet(7)): `{type =, interface =, address =}`, the type being
`"promisc"`, `"allmulti"`, `"multicast"` or `"unicast"`; the last two with a
hardware address, `"01:00:5e:00:00:fb"`
* *fanout* (packet(7)): `{id =, type =, flags =}`, the type being `"hash"`,
`"lb"`, `"cpu"`, `"rollover"`, `"rnd"`, `"qm"`, `"cbpf"` or `"ebpf"`, the flags
`"rollover"`, `"defrag"`, `"ignore_outgoing"`, or `"uniqueid"` for an `id` of
the kernel's choice; `max_num_members`, for the first of a group
* *packet_version*: `"v1"`, `"v2"`, `"v3"`
* *in6_pktinfo*: `{address =, interface =}`
* *port_range*: `{low =, high =}`, both 0 for the system's
* *txtime*: `{clockid =, flags =}`

The raw way takes a level, a number and bytes, or an integer for an `int`. It
knows nothing of the option.
@function Socket:setsockopt
@string name as `sockeye.options` lists them; or the level: a number,
`"SOL_SOCKET"`, `"IPPROTO_TCP"`, …
@param value as above; or the option: a number, or its name
@param[opt] raw a string of bytes, or an integer from -2^31 to 2^32 - 1
@treturn Socket itself
@raise argument error for an option that does not exist, that can only be read,
or that has other values; ENOPROTOOPT, EINVAL, EPERM, …, with the option as
`subject`
@usage
s:setsockopt("SO_REUSEADDR", true)
s:setsockopt("IP_ADD_MEMBERSHIP", {group = "239.1.2.3", interface = "eth0"})
s:setsockopt("MCAST_MSFILTER", {group = "ff05::7", interface = "eth0",
  mode = "exclude", sources = {"fd00::1", "fd00::2"}})
s:setsockopt("SOL_SOCKET", "SO_KEEPALIVE", 1)
*/
static int socket_setsockopt(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "setsockopt");
    const struct option *row;
    struct option_data data;
    union option_value value;

    if (!lua_isnoneornil(L, 4))
        return set_raw(L, s);
    row = check_option(L, 2);
    check_access(L, 2, row, OPTION_WRITE);
    data = row->type->check(L, 3, row->type, &value);
    s->nodelay = false;
    if (setsockopt(s->handle.fd, value_level(row, s, &data), row->number,
                   data.bytes, data.length) == -1)
        return error_raise(L, "setsockopt", errno, 2);
    lua_settop(L, 1);
    return 1;
}

/* Ask for an option. If it is longer than `*value`, and the kernel says how
 * long, it is read into a userdata, which is pushed. NULL: see errno. */
static const union option_value *read_option(lua_State *L, struct socket *s,
                                             const struct option *row,
                                             union option_value *value,
                                             socklen_t *length)
{
    int level = option_level(row, s);
    void *large;

    *length = row->type->size;
    memset(value, 0, *length);
    if (getsockopt(s->handle.fd, level, row->number, value, length) == 0)
        return value;
    if (errno != ERANGE || *length <= row->type->size || *length > RAW_MOST)
        return NULL;
    large = lua_newuserdatauv(L, *length, 0);
    memset(large, 0, *length);
    return getsockopt(s->handle.fd, level, row->number, large, length) == 0
               ? large
               : NULL;
}

static int get_asked(lua_State *L, const struct socket *s,
                     const struct option *row)
{
    int error = row->type->get(L, 3, row, option_level(row, s), s->handle.fd);

    return error == 0 ? 1 : error_raise(L, "getsockopt", error, 2);
}

/*** An option of the socket (getsockopt(2)).
By its name in the manual, as a Lua value. Beside the types of `setsockopt`:

* *error* (`SO_ERROR`): the code of the pending error, which is thereby cleared,
`"ECONNREFUSED"`; nil where there is none
* *family*, *type*, *protocol*: `"inet"`, `"stream"`, `"tcp"`; of a packet
socket the system tells no protocol here, but in `getsockname`
* *ucred*: `{pid =, uid =, gid =}`; *groups*: a list of group ids;
*memberships*: a list of the numbers of netlink's multicast groups
* *counter*: an integer; *label*: a string
* *tcp_info*: a table of the fields of `struct tcp_info`, without their prefix,
in their units; `state` and `ca_state` are names, `options` is a set. What the
system does not give is absent.
* *meminfo*: a table of the counters of linux/sock_diag.h, in lower case
* *address*: an `Address`; *mtuinfo*: an integer; *interface*: an index;
*multicast_if*: the address that was set; `"0.0.0.0"` where the interface was
named otherwise, or not at all
* *ip_msfilter*, *group_filter*: asked for with a table of the group and the
interface, as they were joined; it comes as it is set
* *filter*: a list of instructions, `{code, jt, jf, k}`
* *fanout*: as it is set; a socket in no group is told to be in number 0, by
hash
* *packet_stats*: `{packets =, drops =}`, and `freeze_q_cnt` of version `"v3"`,
all 0 from then on; *rollover_stats*: `{all =, huge =, failed =}`
* *mptcp_info*: a table of the fields of `struct mptcp_info`, without their
prefix, and of its flags; *mptcp_tcpinfo*: a list of tables as of *tcp_info*,
one for each subflow; *mptcp_subflow_addrs*: a list of tables, `local` and
`remote` being an `Address`

The raw way takes a level and a number, and gives the bytes; without a size, an
integer, for an option that is an `int`.
@function Socket:getsockopt
@string name as `sockeye.options` lists them; or the level, as for `setsockopt`
@param[opt] option the option at that level: a number, or its name; or the
table of a group and an interface
@int[opt] size room for so many bytes, at most 2^20; of `SO_GET_FILTER`, as
the system has it, for so many instructions
@return the value; a string of at most `size` bytes where `size` was given
@raise argument error for an option that does not exist or can only be written;
ENOPROTOOPT, ENOTCONN, …, with the option as `subject`
@usage
local credentials = s:getsockopt("SO_PEERCRED")
local filter = s:getsockopt("MCAST_MSFILTER", {group = "ff05::7",
  interface = "eth0"})
local bytes = s:getsockopt("IPPROTO_TCP", "TCP_INFO", 256)
*/
static int socket_getsockopt(lua_State *L)
{
    struct socket *s = socket_check_open(L, 1, "getsockopt");
    const struct option *row;
    union option_value room;
    const union option_value *value;
    socklen_t length;

    if (!lua_isnoneornil(L, 3) && !lua_istable(L, 3))
        return get_raw(L, s);
    row = check_option(L, 2);
    check_access(L, 2, row, OPTION_READ);
    if (row->type->get != NULL)
        return get_asked(L, s, row);
    luaL_argcheck(L, lua_isnoneornil(L, 3), 3,
                  "this option is not asked for by a table");
    value = read_option(L, s, row, &room, &length);
    if (value == NULL)
        return error_raise(L, "getsockopt", errno, 2);
    row->type->push(L, row->type, value, length);
    return 1;
}

static void push_option(lua_State *L, const struct option *row)
{
    lua_createtable(L, 0, 6);
    field_set_string(L, "name", row->name);
    field_set_string(L, "level", row->level_name);
    field_set_integer(L, "number", row->number);
    field_set_string(L, "type", row->type->name);
    field_set_boolean(L, "readable", row->access & OPTION_READ);
    field_set_boolean(L, "writable", row->access & OPTION_WRITE);
}

/*** The options that `getsockopt` and `setsockopt` know by name.
The page @{options.md} describes each.
@function options
@treturn {table} a list of tables: `name`, `level` (`"SOL_SOCKET"`), `number`,
`type` as `setsockopt` and `getsockopt` explain them, `readable`, `writable`
*/
static int sockeye_options(lua_State *L)
{
    int count = 0;

    lua_newtable(L);
    for (const struct option *row = option_rows; row->name; row++) {
        push_option(L, row);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static void index_rows(lua_State *L)
{
    lua_newtable(L);
    for (const struct option *row = option_rows; row->name; row++) {
        lua_pushlightuserdata(L, (void *)row);
        lua_setfield(L, -2, row->name);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &rows_key);
}

void open_option(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"options", sockeye_options},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"getsockopt", socket_getsockopt},
        {"setsockopt", socket_setsockopt},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &level_names);
    index_rows(L);
    socket_add_methods(L, methods);
}
