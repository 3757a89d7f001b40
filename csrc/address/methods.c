/*
 * methods: an address's printed form, comparison and tests; see address.h.
 *
 * Methods and metamethods are named address_*. sockeye.address reads the printed
 * form.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "address/families.h"
#include "address/fields.h"
#include "base/argument.h"
#include "base/concat.h"
#include "base/metatable.h"
#include "base/text.h"
#include "open.h"

static const struct address *check_self(lua_State *L)
{
    const struct address *a = address_test(L, 1);

    if (a == NULL)
        luaL_typeerror(L, 1, ADDRESS_TYPE);
    return a;
}

/*** A socket address.
It is immutable. `inet`, `inet6`, `unix`, `packet`, `netlink`, `vsock`, `can`,
`alg`, `tipc`, `address` and `unpack` make one, and many calls return one. Equal addresses
compare equal with `==`, `tostring` returns a string that `address` takes, and
`..` joins it to strings, numbers and errors: `"from " .. peer`.
@type Address
*/

/*** The fields of an address, read only.
Fields of other families are nil. A name that no family has is an error.
@table fields
@field family `"inet"`, `"inet6"`, `"unix"`, …; a number if it has no name
@field host numeric host, a string (inet and inet6)
@field port 0 to 65535 (inet and inet6), 0 to 4294967295 (vsock)
@field flowinfo traffic class and flow label (inet6)
@field scope_id an interface's index, or 0 (inet6)
@field path the path; for an abstract address, a zero and the name; nil for a
socket without a name (unix)
@field interface the interface's name; nil for any interface, and for one that
no longer exists (packet, can)
@field ifindex the interface's index; 0: any (packet, can)
@field protocol the Ethernet protocol, `"ip"`, `"arp"`, …; a number if it has no
name (packet)
@field hatype hardware type: `"ether"`, `"loopback"`, …; a number if it has no
name (packet)
@field pkttype `"host"`, `"broadcast"`, `"multicast"`, `"otherhost"`,
`"outgoing"`, … (packet)
@field address hardware address, `"02:42:ac:11:00:02"`; nil if there is none
(packet)
@field pid the port of a socket; 0: the kernel (netlink)
@field groups mask of multicast groups (netlink)
@field cid context id (vsock)
@field rx_id identifier of the frames that are received (can, ISO-TP)
@field tx_id identifier of the frames that are sent (can, ISO-TP)
@field name of a device, 64 bits (can, J1939); of an algorithm (alg)
@field pgn parameter group (can, J1939)
@field addr address on the bus (can, J1939)
@field type of algorithm (alg); of service (tipc)
@field feat features asked for (alg)
@field mask which features count (alg)
@field addrtype `"name"`, `"nameseq"` or `"id"` (tipc)
@field scope `"node"`, `"cluster"`, `"zone"`, or a number (tipc)
@field instance of a service (tipc, name)
@field domain where a service is looked for (tipc, name)
@field lower the first instance (tipc, nameseq)
@field upper the last instance (tipc, nameseq)
@field ref number of the socket (tipc, id)
@field node number of the node (tipc, id)
@field bytes the structure's bytes after the family, a string
*/
static int address_newindex(lua_State *L)
{
    return luaL_error(L, "an address is immutable");
}

/* ---- printing and comparing ---- */

/* Return whether the scope is printed as the interface's name. A name made of
 * digits is not used: it would be read as a number. */
static bool has_name(uint32_t scope, char name[IF_NAMESIZE])
{
    return if_indextoname(scope, name) != NULL && !text_is_decimal(name);
}

static void push_scope(lua_State *L, uint32_t scope)
{
    char name[IF_NAMESIZE];

    if (scope == 0)
        lua_pushliteral(L, "");
    else if (has_name(scope, name))
        lua_pushfstring(L, "%%%s", name);
    else
        lua_pushfstring(L, "%%%I", (LUAI_UACINT)scope);
}

static void push_inet6(lua_State *L, const struct address *a)
{
    fields_push_host(L, a);
    push_scope(L, a->in6.sin6_scope_id);
    lua_pushfstring(L, "[%s%s]:%d", lua_tostring(L, -2), lua_tostring(L, -1),
                    (int)ntohs(a->in6.sin6_port));
}

/* A path that begins with '@' gets "./" before it: it would be read as an
 * abstract name. */
static void push_unix(lua_State *L, const struct address *a)
{
    const char *path = a->un.sun_path;
    size_t length = a->length - SUN_PATH_OFFSET;

    if (length > 0 && path[0] == '\0') {
        lua_pushliteral(L, "unix:@");
        lua_pushlstring(L, path + 1, length - 1);
    } else {
        lua_pushstring(L, path[0] == '@' ? "unix:./" : "unix:");
        lua_pushlstring(L, path, strnlen(path, length));
    }
    lua_concat(L, 2);
}

static void push_other(lua_State *L, const struct address *a)
{
    const struct address_family *f = address_family(a);
    luaL_Buffer b;

    if (f != NULL) {
        f->print(L, a);
        return;
    }
    luaL_buffinit(L, &b);
    lua_pushfstring(L, "family %d ", (int)a->any.sa_family);
    luaL_addvalue(&b);
    for (socklen_t i = sizeof a->any.sa_family; i < a->length; i++) {
        char hex[3];

        snprintf(hex, sizeof hex, "%02x", a->bytes[i]);
        luaL_addlstring(&b, hex, 2);
    }
    luaL_pushresult(&b);
}

static int address_tostring(lua_State *L)
{
    const struct address *a = check_self(L);

    switch (a->any.sa_family) {
    case AF_INET:
        fields_push_host(L, a);
        lua_pushfstring(L, "%s:%d", lua_tostring(L, -1),
                        (int)ntohs(a->in.sin_port));
        break;
    case AF_INET6:
        push_inet6(L, a);
        break;
    case AF_UNIX:
        push_unix(L, a);
        break;
    default:
        push_other(L, a);
        break;
    }
    return 1;
}

static int address_eq(lua_State *L)
{
    const struct address *a = address_test(L, 1);
    const struct address *b = address_test(L, 2);

    lua_pushboolean(L, a && b && a->length == b->length &&
                           memcmp(a->bytes, b->bytes, a->length) == 0);
    return 1;
}

/*** Return the `sockaddr` structure, byte for byte.
@function pack
@treturn string the bytes, with the length that the kernel takes
*/
static int address_pack(lua_State *L)
{
    const struct address *a = check_self(L);

    lua_pushlstring(L, (const char *)a->bytes, a->length);
    return 1;
}

/*** Return a string that is equal for equal addresses, for use as a table key.
@function key
@treturn string
@usage clients[peer:key()] = state
*/
static int address_key(lua_State *L)
{
    return address_pack(L);
}

/* ---- what kind of address ---- */

/* Return the IPv4 address in host byte order. */
static uint32_t inet_number(const struct address *a)
{
    return ntohl(a->in.sin_addr.s_addr);
}

/* How to test one property of an address, by family. */
struct property {
    bool (*inet)(uint32_t host);
    bool (*inet6)(const struct in6_addr *host);
    enum address_kind kind; /* selects the test of other families */
};

static bool other_holds(const struct address *a, enum address_kind kind)
{
    const struct address_family *f = address_family(a);

    return f != NULL && kind != KIND_OTHER && f->is[kind] && f->is[kind](a);
}

static int push_property(lua_State *L, const struct property *property)
{
    const struct address *a = check_self(L);
    bool holds = false;

    if (a->any.sa_family == AF_INET)
        holds = property->inet && property->inet(inet_number(a));
    else if (a->any.sa_family == AF_INET6)
        holds = property->inet6(&a->in6.sin6_addr);
    else
        holds = other_holds(a, property->kind);
    lua_pushboolean(L, holds);
    return 1;
}

static bool any4(uint32_t host)
{
    return host == INADDR_ANY;
}

static bool any6(const struct in6_addr *host)
{
    return IN6_IS_ADDR_UNSPECIFIED(host);
}

static bool loopback4(uint32_t host)
{
    return host >> 24 == 127;
}

static bool loopback6(const struct in6_addr *host)
{
    return IN6_IS_ADDR_LOOPBACK(host);
}

static bool multicast4(uint32_t host)
{
    return host >> 28 == 0xe;
}

static bool multicast6(const struct in6_addr *host)
{
    return IN6_IS_ADDR_MULTICAST(host);
}

static bool link_local4(uint32_t host)
{
    return host >> 16 == 0xa9fe;
}

static bool link_local6(const struct in6_addr *host)
{
    return IN6_IS_ADDR_LINKLOCAL(host);
}

static bool private4(uint32_t host)
{
    return host >> 24 == 10 || host >> 20 == 0xac1 || host >> 16 == 0xc0a8;
}

static bool private6(const struct in6_addr *host)
{
    return (host->s6_addr[0] & 0xfe) == 0xfc;
}

static bool v4mapped6(const struct in6_addr *host)
{
    return IN6_IS_ADDR_V4MAPPED(host);
}

/*** Return whether this is the wildcard address: INADDR_ANY or in6addr_any; a
packet address for any interface; a netlink address without pid and groups;
VMADDR_CID_ANY.
@function is_any
@treturn boolean
*/
static int address_is_any(lua_State *L)
{
    return push_property(L, &(struct property){any4, any6, KIND_ANY});
}

/*** Return whether this is a loopback address: 127.0.0.0/8 or ::1; a packet
address of hardware type loopback; VMADDR_CID_LOCAL.
An IPv4 address mapped to IPv6 is not; `unmap` it first.
@function is_loopback
@treturn boolean
*/
static int address_is_loopback(lua_State *L)
{
    return push_property(
        L, &(struct property){loopback4, loopback6, KIND_LOOPBACK});
}

/*** Return whether this is a multicast group: 224.0.0.0/4 or ff00::/8; a
hardware address with the group bit, such as broadcast; a netlink address with a
group.
@function is_multicast
@treturn boolean
*/
static int address_is_multicast(lua_State *L)
{
    return push_property(
        L, &(struct property){multicast4, multicast6, KIND_MULTICAST});
}

/*** Return whether this is a link-local address: 169.254.0.0/16 or fe80::/10.
@function is_link_local
@treturn boolean
*/
static int address_is_link_local(lua_State *L)
{
    return push_property(
        L, &(struct property){link_local4, link_local6, KIND_OTHER});
}

/*** Return whether this is a private address: RFC 1918's three blocks, or
fc00::/7 (RFC 4193).
@function is_private
@treturn boolean
*/
static int address_is_private(lua_State *L)
{
    return push_property(L, &(struct property){private4, private6, KIND_OTHER});
}

/*** Return whether this is an IPv4 address mapped to IPv6, ::ffff:0:0/96.
@function is_v4mapped
@treturn boolean
*/
static int address_is_v4mapped(lua_State *L)
{
    return push_property(L, &(struct property){NULL, v4mapped6, KIND_OTHER});
}

/*** Return the IPv4 address that is mapped to this IPv6 address.
@function unmap
@treturn Address the IPv4 address with the same port; any other address is
returned as it is
*/
static int address_unmap(lua_State *L)
{
    const struct address *a = check_self(L);
    struct address *plain;

    lua_settop(L, 1);
    if (a->any.sa_family != AF_INET6 || !v4mapped6(&a->in6.sin6_addr))
        return 1;
    plain = address_new(L);
    plain->in.sin_family = AF_INET;
    plain->in.sin_port = a->in6.sin6_port;
    memcpy(&plain->in.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
    address_normalise(plain, sizeof plain->in);
    return 1;
}

static const luaL_Reg methods[] = {
    {"pack", address_pack},
    {"key", address_key},
    {"is_any", address_is_any},
    {"is_loopback", address_is_loopback},
    {"is_multicast", address_is_multicast},
    {"is_link_local", address_is_link_local},
    {"is_private", address_is_private},
    {"is_v4mapped", address_is_v4mapped},
    {"unmap", address_unmap},
    {NULL, NULL},
};

/* Upvalue 1 is the table of methods. Another family's field is nil, and so is
 * whatever is no string; no other name is read in vain. */
static int address_index(lua_State *L)
{
    const struct address *a = check_self(L);
    bool is_name;

    lua_settop(L, 2);
    is_name = lua_type(L, 2) == LUA_TSTRING;
    if (is_name && fields_push(L, a))
        return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL && is_name &&
        !fields_is_of_another(L))
        return fields_raise_unknown(L, a, methods);
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__tostring", address_tostring},
    {"__concat", concat_values},
    {"__eq", address_eq},
    {"__newindex", address_newindex},
    {NULL, NULL},
};

void open_address_methods(lua_State *L)
{
    metatable_push(L, ADDRESS_TYPE, metamethods);
    luaL_newlib(L, methods);
    lua_pushcclosure(L, address_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
