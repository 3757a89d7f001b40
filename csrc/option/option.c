/*
 * option: getsockopt and setsockopt, by name with typed values and by number
 * with bytes.
 *
 * getsockopt(2), setsockopt(2). table.c lists the options; their types are in
 * type.c and the files that type.h names.
 * Functions named sockeye_* are the module's, socket_* are methods of a socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/level.h"
#include "base/argument.h"
#include "base/error.h"
#include "base/kernel.h"
#include "base/size.h"
#include "open.h"
#include "option/misnamed.h"
#include "option/type.h"
#include "socket/argument.h"
#include "socket/socket.h"

#define BYTES_MOST (1 << 20) /* the most bytes of a value without a type */

/* Registry key of a table that maps an option's name to its row. */
static const char rows_key = 'o';

/* ---- the row of a name ---- */

static const struct option *check_option(lua_State *L, int arg)
{
    const struct option *row;

    if (lua_type(L, arg) != LUA_TSTRING)
        option_reject_type(L, arg);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rows_key);
    lua_pushvalue(L, arg);
    lua_rawget(L, -2);
    row = lua_touserdata(L, -1);
    lua_pop(L, 2);
    if (row == NULL)
        option_reject_name(L, arg);
    return row;
}

static int option_level(const struct option *row, const struct socket *s)
{
    return (row->access & OPTION_BY_FAMILY) && s->family == AF_INET6
               ? IPPROTO_IPV6
               : row->level;
}

/* Return the level for a value that names a group: an IPv6 socket may join IPv4
 * groups. All structures with a group begin like struct group_req. */
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

/* ---- options by level and number, as bytes ---- */

/* Read an option: its number, or its name if it belongs to this level. */
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

/* Raise; the level and option at indices 2 and 3 are the error's subject. */
static int raise_numbered(lua_State *L, const char *call, int error)
{
    luaL_tolstring(L, 2, NULL);
    lua_pushliteral(L, "/");
    luaL_tolstring(L, 3, NULL);
    lua_concat(L, 3);
    return error_raise(L, call, error, -1);
}

/* Return whether the option is known to be a bool. */
static bool is_switch(int level, int name)
{
    const struct option *row = option_rows;

    while (row->name != NULL && (row->level != level || row->number != name))
        row++;
    return row->name != NULL && row->type == &option_bool;
}

static int set_by_number(lua_State *L, struct socket *s)
{
    int level = level_check(L, 2);
    int name = check_number(L, 3, level, s);
    size_t length = sizeof(int);
    const void *bytes;
    int number;

    s->nodelay = false;
    if (lua_isboolean(L, 4) && is_switch(level, name)) {
        number = lua_toboolean(L, 4);
        bytes = &number;
    } else if (lua_type(L, 4) == LUA_TNUMBER) {
        number = (int)field_check_range(L, 4, INT32_MIN, UINT32_MAX);
        bytes = &number;
    } else {
        bytes = luaL_checklstring(L, 4, &length);
        luaL_argcheck(L, length <= BYTES_MOST, 4, "string too long");
    }
    if (setsockopt(s->handle.fd, level, name, bytes, (socklen_t)length) == -1)
        return raise_numbered(L, "setsockopt", errno);
    lua_settop(L, 1);
    return 1;
}

static int get_int_by_number(lua_State *L, struct socket *s, int level,
                             int name)
{
    union option_value value = {.number = 0};
    socklen_t length = sizeof value.number;

    if (getsockopt(s->handle.fd, level, name, &value, &length) == -1)
        return raise_numbered(L, "getsockopt", errno);
    lua_pushinteger(L, length == 1 ? value.bytes[0] : value.number);
    return 1;
}

/* Options whose length counts units of several bytes: the kernel writes
 * `length * unit` bytes. */
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

static int get_by_number(lua_State *L, struct socket *s)
{
    int level = level_check(L, 2);
    int name = check_number(L, 3, level, s);
    socklen_t asked;
    socklen_t length;
    size_t unit;
    luaL_Buffer b;
    char *bytes;

    if (lua_isnoneornil(L, 4))
        return get_int_by_number(L, s, level, name);
    length = asked = (socklen_t)field_check_range(L, 4, 0, BYTES_MOST);
    unit = length_unit(level, name);
    bytes = luaL_buffinitsize(L, &b, asked * unit + 1);
    memset(bytes, 0, asked * unit);
    if (getsockopt(s->handle.fd, level, name, bytes, &length) == -1)
        return raise_numbered(L, "getsockopt", errno);
    luaL_pushresultsize(&b, size_within(length, asked) * unit);
    return 1;
}

/* ---- the methods ---- */

/*** Set an option of the socket (setsockopt(2)).
An option has its name in the manual, and takes a Lua value according to its
type:

* *bool*: a boolean
* *int*, *uint*, *size*, *octet*, *word*, *counter*: an integer, in the unit of
the manual (`TCP_USER_TIMEOUT` in milliseconds, `TCP_KEEPIDLE` in seconds);
*word* has 64 bits, and -1 stands for the largest number
* *seconds*: a number, with fractions; 0 is no limit, except that for
`SO_VM_SOCKETS_CONNECT_TIMEOUT` it is the kernel's default
* *linger*: a number of seconds, 0 to abort the connection on close; or false
* *string*: at most 15 bytes; *bytes*: a string in the system's binary format
* *discovery*: `"dont"`, `"want"`, `"do"`, `"probe"`, `"interface"`, `"omit"`
* *flags*: names in one string, or an integer
* *interface*, *multicast_if*: an interface's name, index or address; 0, `""` or
`"*"` lets the system choose; for `SO_BINDTODEVICE`, a name or `"*"` alone
* *ip_mreqn*, *ipv6_mreq*, *group_req*: `{group = "239.1.2.3", interface =
"eth0"}`; the group may be an `Address`, the interface is as above, or absent
* *ip_mreq_source*, *group_source_req*: like *ip_mreqn*, with a field `source`
* *ip_msfilter*, *group_filter* (RFC 3678), for a group that has been joined:
`{group =, interface =, mode =, sources =}`; the mode `"include"` receives only
from the sources in the list, `"exclude"` from all others; including none leaves
the group
* *icmp_filter* (raw(7), RFC 3542): a list of the types that pass, as numbers or
names (`"echoreply"`, `"ICMP6_ECHO_REPLY"`); all others are blocked, except that
IPv4's types from 32 on always pass
* *filter* (classic BPF): the text that `tcpdump -ddd` or `-dd` prints; or a
list of instructions, each `{code, jt, jf, k}`; or their bytes.
`SO_DETACH_FILTER`, an int of any value, removes it
* *packet_mreq* (packet(7)): `{type =, interface =, address =}`; the type is
`"promisc"`, `"allmulti"`, `"multicast"` or `"unicast"`; the last two need a
hardware address, `"01:00:5e:00:00:fb"`
* *fanout* (packet(7)): `{id =, type =, flags =}`; the type is `"hash"`,
`"lb"`, `"cpu"`, `"rollover"`, `"rnd"`, `"qm"`, `"cbpf"` or `"ebpf"`; the flags
are `"rollover"`, `"defrag"`, `"ignore_outgoing"`, or `"uniqueid"` to let the
kernel choose the `id`; the first socket of a group may give `max_num_members`
* *packet_version*: `"v1"`, `"v2"`, `"v3"`
* *in6_pktinfo*: `{address =, interface =}`
* *port_range*: `{low =, high =}`, both 0 for the system's range
* *txtime*: `{clockid =, flags =}`
* *tcp_md5sig* (RFC 2385): `{address =, key =}`; *tcp_md5sig_ext* also takes
`prefix`, a number of bits, and `interface`
* *tcp_queue*: `"no"`, `"recv"`, `"send"`; *tcp_repair_opt*: a list of `{code =,
value =}`; *tcp_repair_window*: a table of the five fields of `struct
tcp_repair_window`

An option without a name is set by its level, its number, and its bytes or an
integer for an `int`; nothing about it is checked.
@function Socket:setsockopt
@string name a name that `sockeye.options` lists; or the level: a number,
`"SOL_SOCKET"`, `"IPPROTO_TCP"`, …
@param value a value as above; or the option's number or name, after a level
@param[opt] raw a string of bytes, an integer from -2^31 to 2^32 - 1, or,
for an option of the type *bool*, a boolean
@treturn Socket itself
@raise argument error if the option does not exist, can only be read, or does
not take such a value; ENOPROTOOPT, EINVAL, EPERM, …, with the option as
`subject`
@usage
s:setsockopt("SO_REUSEADDR", true)
s:setsockopt("IP_ADD_MEMBERSHIP", {group = "239.1.2.3", interface = "eth0"})
s:setsockopt("MCAST_MSFILTER", {group = "ff05::7", interface = "eth0",
  mode = "exclude", sources = {"fd00::1", "fd00::2"}})
s:setsockopt("SOL_SOCKET", "SO_KEEPALIVE", 1)
s:setsockopt(sockeye.SOL_SOCKET, sockeye.SO_REUSEADDR, true)
*/
static int socket_setsockopt(lua_State *L)
{
    struct socket *s = socket_check_within(L, 1, "setsockopt");
    const struct option *row;
    struct option_data data;
    union option_value value;

    if (!lua_isnoneornil(L, 4))
        return set_by_number(L, s);
    row = check_option(L, 2);
    check_access(L, 2, row, OPTION_WRITE);
    data = row->type->check(L, 3, row->type, &value);
    s->nodelay = false;
    if (setsockopt(s->handle.fd, value_level(row, s, &data), row->number,
                   data.bytes, data.length) == -1)
        return option_fail(L, row, errno);
    lua_settop(L, 1);
    return 1;
}

/* Read an option into `*value`, or, if it has no fixed size and the kernel
 * reports that it is larger, into a userdata that is pushed, with zeros after
 * it. Returns where it is, or NULL and errno. */
static const union option_value *read_option(lua_State *L, struct socket *s,
                                             const struct option *row,
                                             union option_value *value,
                                             socklen_t *length)
{
    int level = option_level(row, s);
    socklen_t size = row->type->size;
    void *large = value;

    *length = size;
    memset(value, 0, size);
    if (getsockopt(s->handle.fd, level, row->number, value, length) == 0)
        errno = *length <= size || size < OPTION_BYTES ? 0 : ERANGE;
    if (errno == ERANGE && size == OPTION_BYTES && *length > size &&
        *length <= BYTES_MOST) {
        size = *length;
        large = lua_newuserdatauv(L, size + sizeof(uint32_t), 0);
        memset(large, 0, size + sizeof(uint32_t));
        if (getsockopt(s->handle.fd, level, row->number, large, length) == 0)
            errno = 0;
    }
    *length = (socklen_t)size_within(*length, size);
    return errno == 0 ? large : NULL;
}

static int get_by_type(lua_State *L, const struct socket *s,
                       const struct option *row)
{
    int error = row->type->get(L, 3, row, option_level(row, s), s);

    return error == 0 ? 1 : error_raise(L, "getsockopt", error, 2);
}

/*** Return an option of the socket (getsockopt(2)).
An option has its name in the manual, and is returned as a Lua value. These
types come in addition to those of `setsockopt`:

* *error* (`SO_ERROR`): the code of the pending error, such as
`"ECONNREFUSED"`, or nil; reading it clears it
* *family*, *type*, *protocol*: `"inet"`, `"stream"`, `"tcp"`; the protocol of a
packet socket is not reported here but by `getsockname`
* *ucred*: `{pid =, uid =, gid =}`; *groups*: a list of group ids;
*memberships*: a list of the numbers of netlink's multicast groups
* *counter*: an integer; *label*: a string
* *tcp_info*: a table of the fields of `struct tcp_info`, without their prefix,
in their units; `state` and `ca_state` are names, `options` is a set. Fields
that the system does not report are absent.
* *tcp_zerocopy_receive*: `{length =, recv_skip_hint =, inq =}`, in bytes
* *meminfo*: a table of the counters of linux/sock_diag.h, in lower case
* *address*: an `Address`; *mtuinfo*: an integer; *interface*: an index;
*multicast_if*: the address that was set; `"0.0.0.0"` if the interface was set
by name or index, or not at all
* *ip_msfilter*, *group_filter*: the filter as `setsockopt` takes it; the second
argument is a table of the group and the interface, as they were joined
* *filter*: a list of instructions, `{code, jt, jf, k}`
* *fanout*: as `setsockopt` takes it; for a socket in no group, the kernel
reports number 0 and the type `"hash"`
* *packet_stats*: `{packets =, drops =}`, and `freeze_q_cnt` of version `"v3"`;
reading them resets them to 0; *rollover_stats*: `{all =, huge =, failed =}`
* *mptcp_info*: a table of the fields of `struct mptcp_info`, without their
prefix, and of its flags; *mptcp_tcpinfo*: a list with a table like *tcp_info*
for each subflow; *mptcp_subflow_addrs*: a list with a table for each subflow,
whose fields `local` and `remote` are an `Address` each

An option without a name is read by its level and its number, as bytes if `size`
is given, or as an integer for an `int`.
@function Socket:getsockopt
@string name a name that `sockeye.options` lists; or a level, as for
`setsockopt`
@param[opt] option the option's number or name, after a level; or the table of a
group and an interface
@int[opt] size how many bytes to read at most, up to 2^20; for `SO_GET_FILTER`,
how many instructions, as the kernel counts them
@return the value; a string of at most `size` bytes if `size` is given
@raise argument error if the option does not exist or can only be written;
ENOPROTOOPT, ENOTCONN, …, with the option as `subject`
@usage
local credentials = s:getsockopt("SO_PEERCRED")
local filter = s:getsockopt("MCAST_MSFILTER", {group = "ff05::7",
  interface = "eth0"})
local bytes = s:getsockopt("IPPROTO_TCP", "TCP_INFO", 256)
*/
static int socket_getsockopt(lua_State *L)
{
    struct socket *s = socket_check_within(L, 1, "getsockopt");
    const struct option *row;
    union option_value small;
    const union option_value *value;
    socklen_t length;

    if (!lua_isnoneornil(L, 3) && !lua_istable(L, 3))
        return get_by_number(L, s);
    row = check_option(L, 2);
    check_access(L, 2, row, OPTION_READ);
    if (row->type->get != NULL)
        return get_by_type(L, s, row);
    luaL_argcheck(L, lua_isnoneornil(L, 3), 3, "this option takes no argument");
    value = read_option(L, s, row, &small, &length);
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

/*** Return the options that `getsockopt` and `setsockopt` know by name.
The page @{options.md} describes each.
@function options
@treturn {table,...} a list with a table for each option: `name`, `level`
(`"SOL_SOCKET"`), `number`, `type` as `setsockopt` and `getsockopt` explain it,
`readable`, `writable`
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

/* Set the numbers of the options of these levels in the module's table. */
static void export_rows(lua_State *L)
{
    static const char *const prefixes[] = {"SO_",  "IP_",  "IPV6_",
                                           "TCP_", "UDP_", NULL};

    for (const struct option *row = option_rows; row->name; row++) {
        for (int i = 0; prefixes[i] != NULL; i++) {
            if (strncmp(row->name, prefixes[i], strlen(prefixes[i])) == 0)
                field_set_integer(L, row->name, row->number);
        }
    }
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
    index_rows(L);
    export_rows(L);
    socket_add_methods(L, methods);
}
