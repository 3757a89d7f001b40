/*
 * interface: the network interfaces, their addresses and their numbers.
 *
 * Follows getifaddrs(3), if_nametoindex(3), if_nameindex(3) and netdevice(7).
 * The entry of an interface's link, whose address is its hardware's, is merged
 * into the entries of its network addresses. Functions named sockeye_* are the
 * module's.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#ifdef AF_PACKET
#include <netpacket/packet.h>
#endif

#include "address/address.h"
#include "address/families.h"
#include "address/family.h"
#include "base/argument.h"
#include "base/c_memory.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/names.h"
#include "base/octets.h"
#include "base/text.h"
#include "open.h"
#include "socket/socket.h"

/* clang-format off */
static const struct name flag_rows[] = {
    {"up", IFF_UP}, {"broadcast", IFF_BROADCAST}, {"debug", IFF_DEBUG},
    {"loopback", IFF_LOOPBACK}, {"pointopoint", IFF_POINTOPOINT},
    {"running", IFF_RUNNING}, {"noarp", IFF_NOARP}, {"promisc", IFF_PROMISC},
    {"allmulti", IFF_ALLMULTI}, {"multicast", IFF_MULTICAST},
#ifdef IFF_NOTRAILERS
    {"notrailers", IFF_NOTRAILERS},
#endif
#ifdef IFF_MASTER
    {"master", IFF_MASTER}, {"slave", IFF_SLAVE},
#endif
#ifdef IFF_PORTSEL
    {"portsel", IFF_PORTSEL}, {"automedia", IFF_AUTOMEDIA},
#endif
#ifdef IFF_DYNAMIC
    {"dynamic", IFF_DYNAMIC},
#endif
    {NULL, 0},
};
/* clang-format on */

static const struct names interface_flag_names = {
    "interface flag", {"IFF_", NULL}, flag_rows};

/* ---- the link ---- */

/* The hardware address in the entry of a link, which may be longer than the
 * array in sockaddr_ll; NULL if there is none. */
#ifdef AF_PACKET
static const unsigned char *link_address(const struct sockaddr *sa,
                                         size_t *length)
{
    const struct sockaddr_ll *ll = (const void *)sa;

    *length = ll->sll_halen;
    return (const unsigned char *)sa + offsetof(struct sockaddr_ll, sll_addr);
}

static bool is_link(const struct ifaddrs *entry)
{
    return entry->ifa_addr != NULL && entry->ifa_addr->sa_family == AF_PACKET;
}

static unsigned int link_index(const struct ifaddrs *link, const char *name)
{
    const struct sockaddr_ll *ll = link ? (const void *)link->ifa_addr : NULL;

    return ll ? (unsigned int)ll->sll_ifindex : if_nametoindex(name);
}
#else
static const unsigned char *link_address(const struct sockaddr *sa,
                                         size_t *length)
{
    (void)sa;
    *length = 0;
    return NULL;
}

static bool is_link(const struct ifaddrs *entry)
{
    (void)entry;
    return false;
}

static unsigned int link_index(const struct ifaddrs *link, const char *name)
{
    (void)link;
    return if_nametoindex(name);
}
#endif

static bool has_address(const struct ifaddrs *entry)
{
    return entry->ifa_addr != NULL && !is_link(entry);
}

typedef bool predicate(const struct ifaddrs *entry);

/* The first entry of the interface `name` for which `holds` is true; or
 * NULL. */
static const struct ifaddrs *find_entry(const struct ifaddrs *list,
                                        const char *name, predicate *holds)
{
    while (list && !(holds(list) && strcmp(list->ifa_name, name) == 0))
        list = list->ifa_next;
    return list;
}

/* Set `hardware` of the table on top: "02:42:ac:11:00:02". */
static void set_hardware(lua_State *L, const struct ifaddrs *link)
{
    size_t length = 0;
    const unsigned char *bytes =
        link ? link_address(link->ifa_addr, &length) : NULL;

    if (length == 0)
        return;
    octets_push(L, bytes, length);
    lua_setfield(L, -2, "hardware");
}

/* ---- an entry ---- */

static socklen_t family_length(sa_family_t family)
{
    switch (family) {
    case AF_INET:
        return sizeof(struct sockaddr_in);
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    default:
        return sizeof(struct sockaddr);
    }
}

static void set_address(lua_State *L, const char *field,
                        const struct sockaddr *sa)
{
    if (sa == NULL)
        return;
    address_push(L, sa, family_length(sa->sa_family));
    lua_setfield(L, -2, field);
}

/* The number of bits that are set in the network mask. */
static int prefix_length(const struct sockaddr *mask)
{
    bool inet6 = mask->sa_family == AF_INET6;
    const unsigned char *bytes =
        (const unsigned char *)mask +
        (inet6 ? offsetof(struct sockaddr_in6, sin6_addr)
               : offsetof(struct sockaddr_in, sin_addr));
    int bits = 0;

    for (int i = 0; i < (inet6 ? 128 : 32); i++)
        bits += bytes[i / 8] >> (7 - i % 8) & 1;
    return bits;
}

static void set_netmask(lua_State *L, const struct sockaddr *mask)
{
    if (mask == NULL ||
        (mask->sa_family != AF_INET && mask->sa_family != AF_INET6))
        return;
    set_address(L, "netmask", mask);
    field_set_integer(L, "prefix", prefix_length(mask));
}

static void set_flags(lua_State *L, unsigned int flags)
{
    lua_newtable(L);
    field_set_flags(L, flag_rows, flags);
    lua_setfield(L, -2, "flags");
}

static void push_entry(lua_State *L, const struct ifaddrs *list,
                       const struct ifaddrs *entry)
{
    const struct ifaddrs *link = find_entry(list, entry->ifa_name, is_link);
    unsigned int index = link_index(link, entry->ifa_name);

    lua_createtable(L, 0, 8);
    field_set_string(L, "name", entry->ifa_name);
    if (index != 0) {
        field_set_integer(L, "index", index);
    }
    set_flags(L, entry->ifa_flags);
    set_hardware(L, link);
    if (!has_address(entry))
        return;
    set_address(L, "address", entry->ifa_addr);
    set_netmask(L, entry->ifa_netmask);
    if (entry->ifa_flags & IFF_BROADCAST)
        set_address(L, "broadcast", entry->ifa_broadaddr);
    else if (entry->ifa_flags & IFF_POINTOPOINT)
        set_address(L, "destination", entry->ifa_dstaddr);
}

/* Whether to list an entry: those with an address, and of an interface without
 * addresses the first. */
static bool is_listed(const struct ifaddrs *list, const struct ifaddrs *entry)
{
    return has_address(entry) ||
           find_entry(list, entry->ifa_name, has_address) == NULL;
}

static void free_entries(void *list)
{
    freeifaddrs(list);
}

/*** List the network interfaces and their addresses (getifaddrs(3)).
There is one table for each address, and one without `address` for an interface
that has none.
@function interfaces
@treturn {table,...} each with `name`; `index`; `flags`, a set: `flags.up`,
`flags.loopback`, `flags.multicast`, …; `address`, `netmask` and `broadcast`,
each an `Address` with port 0; `prefix`, the number of bits in the network mask;
`destination` in place of `broadcast` for a point-to-point link; `hardware`, the
hardware address, as `"02:42:ac:11:00:02"`. Fields that do not apply are absent.
@raise ENOMEM, EMFILE
@usage
for _, i in ipairs(sockeye.interfaces()) do
  if i.flags.up and i.address then print(i.name, i.address.host) end
end
*/
static int sockeye_interfaces(lua_State *L)
{
    struct c_memory *held = c_memory_new(L, free_entries);
    struct ifaddrs *list = NULL;
    bool collected = false;
    lua_Integer count = 0;
    int result;

    do
        result = getifaddrs(&list);
    while (result == -1 && descriptor_collect(L, errno, &collected));
    if (result == -1)
        return error_raise(L, "getifaddrs", errno, 0);
    held->memory = list;
    lua_newtable(L);
    for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
        if (!is_listed(list, entry))
            continue;
        push_entry(L, list, entry);
        lua_rawseti(L, -2, ++count);
    }
    c_memory_release(held);
    return 1;
}

/* ---- names and numbers ---- */

/*** Return the index of an interface (if_nametoindex(3)).
@function if_nametoindex
@string name `"eth0"`
@treturn int
@raise ENODEV, with the name in `subject`; EMFILE
*/
static int sockeye_if_nametoindex(lua_State *L)
{
    const char *name = text_check(L, 1, "name");
    bool collected = false;
    unsigned int index;

    do
        index = if_nametoindex(name);
    while (index == 0 &&
           descriptor_collect(L, address_lookup_error(), &collected));
    if (index == 0)
        return error_raise(L, "if_nametoindex", address_lookup_error(), 1);
    lua_pushinteger(L, index);
    return 1;
}

/*** Return the name of an interface (if_indextoname(3)).
@function if_indextoname
@int index its number, as in an address's `scope_id`
@treturn string
@raise ENXIO, with the number in `subject`; EMFILE
*/
static int sockeye_if_indextoname(lua_State *L)
{
    lua_Integer index = luaL_checkinteger(L, 1);
    char name[IF_NAMESIZE];
    bool collected = false;
    const char *found;

    luaL_argcheck(L, index >= 0 && index <= UINT32_MAX, 1,
                  "index out of range");
    do
        found = if_indextoname((unsigned int)index, name);
    while (!found && descriptor_collect(L, address_lookup_error(), &collected));
    if (found == NULL)
        return error_raise(L, "if_indextoname", address_lookup_error(), 1);
    lua_pushstring(L, name);
    return 1;
}

static void free_nameindex(void *list)
{
    if_freenameindex(list);
}

/*** List the names and indexes of all interfaces (if_nameindex(3)).
@function if_nameindex
@treturn {table,...} each with `index` and `name`
@raise ENOBUFS, EMFILE
*/
static int sockeye_if_nameindex(lua_State *L)
{
    struct c_memory *held = c_memory_new(L, free_nameindex);
    bool collected = false;
    struct if_nameindex *list;
    lua_Integer count = 0;
    bool unclear;
    int error;

    /* musl reports ENOBUFS if it could not open a socket, too. */
    do {
        list = if_nameindex();
        error = list == NULL ? errno : 0;
        unclear = error == ENOBUFS;
    } while (descriptor_collect(L, unclear ? EMFILE : error, &collected));
    if (list == NULL)
        return error_raise(L, "if_nameindex", error, 0);
    held->memory = list;
    lua_newtable(L);
    for (; list->if_index != 0; list++) {
        lua_createtable(L, 0, 2);
        field_set_integer(L, "index", list->if_index);
        field_set_string(L, "name", list->if_name);
        lua_rawseti(L, -2, ++count);
    }
    c_memory_release(held);
    return 1;
}

void open_interface(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"if_indextoname", sockeye_if_indextoname},
        {"if_nameindex", sockeye_if_nameindex},
        {"if_nametoindex", sockeye_if_nametoindex},
        {"interfaces", sockeye_interfaces},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &interface_flag_names);
}
