/*
 * packet: addresses of the link layer, `struct sockaddr_ll`; see
 * family.h.
 *
 * packet(7). The protocol is in host byte order in Lua, in network byte order
 * in the structure. A hardware address may be longer than the structure shows.
 */
#include "address/packet.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "address/ifindex.h"
#include "address/protocol.h"
#include "base/argument.h"
#include "base/field.h"
#include "base/octets.h"
#include "base/text.h"

#define OCTETS_OFFSET offsetof(struct sockaddr_ll, sll_addr)
#define OCTETS_MOST (sizeof(struct sockaddr_storage) - OCTETS_OFFSET)
#define HARDWARE_MOST 32 /* MAX_ADDR_LEN of the kernel */
#define HARDWARE_PROBLEM "no hardware address like 02:42:ac:11:00:02"
#define TEXT_MOST 512 /* more bytes than any printed address has */

/* clang-format off */
static const struct name packet_type_rows[] = {
    {"host", PACKET_HOST}, {"broadcast", PACKET_BROADCAST},
    {"multicast", PACKET_MULTICAST}, {"otherhost", PACKET_OTHERHOST},
    {"outgoing", PACKET_OUTGOING}, {"loopback", PACKET_LOOPBACK},
    {"user", PACKET_USER}, {"kernel", PACKET_KERNEL},
    {"fastroute", PACKET_FASTROUTE},
    {NULL, 0},
};

static const struct name hardware_rows[] = {
    {"ether", ARPHRD_ETHER}, {"ieee802", ARPHRD_IEEE802},
    {"arcnet", ARPHRD_ARCNET}, {"ieee1394", ARPHRD_IEEE1394},
    {"eui64", ARPHRD_EUI64}, {"infiniband", ARPHRD_INFINIBAND},
    {"slip", ARPHRD_SLIP}, {"can", 280}, {"ppp", ARPHRD_PPP},
    {"rawip", 519}, {"tunnel", ARPHRD_TUNNEL}, {"tunnel6", ARPHRD_TUNNEL6},
    {"loopback", ARPHRD_LOOPBACK}, {"sit", ARPHRD_SIT},
    {"ipgre", ARPHRD_IPGRE}, {"irda", ARPHRD_IRDA},
    {"ieee80211", ARPHRD_IEEE80211},
    {"ieee80211_prism", ARPHRD_IEEE80211_PRISM},
    {"ieee80211_radiotap", ARPHRD_IEEE80211_RADIOTAP},
    {"ieee802154", ARPHRD_IEEE802154}, {"ip6gre", 823}, {"netlink", 824},
    {"6lowpan", 825}, {"vsockmon", 826}, {"none", ARPHRD_NONE},
    {"void", ARPHRD_VOID},
    {NULL, 0},
};
/* clang-format on */

static const struct names packet_type_names = {
    "packet type", {"PACKET_", NULL}, packet_type_rows};
static const struct names hardware_names = {
    "hardware type", {"ARPHRD_", NULL}, hardware_rows};

static struct sockaddr_ll *link_of(struct address *a)
{
    return (void *)a->bytes;
}

static const struct sockaddr_ll *const_link(const struct address *a)
{
    return (const void *)a->bytes;
}

static const unsigned char *octets_of(const struct address *a, size_t *count)
{
    size_t most = a->length - OCTETS_OFFSET;

    *count = const_link(a)->sll_halen;
    if (*count > most)
        *count = most;
    return a->bytes + OCTETS_OFFSET;
}

static size_t normalise_packet(struct address *a)
{
    size_t end = OCTETS_OFFSET + const_link(a)->sll_halen;

    if (end < sizeof(struct sockaddr_ll)) {
        memset(a->bytes + end, 0, sizeof(struct sockaddr_ll) - end);
        end = sizeof(struct sockaddr_ll);
    }
    return end;
}

/* ---- fields and the printed form ---- */

static void push_interface(lua_State *L, const struct address *a)
{
    ifindex_push_name(L, const_link(a)->sll_ifindex);
}

static void push_index(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_link(a)->sll_ifindex);
}

static void push_protocol(lua_State *L, const struct address *a)
{
    names_push(L, &protocol_ethernet_names, ntohs(const_link(a)->sll_protocol));
}

static void push_hardware_type(lua_State *L, const struct address *a)
{
    names_push(L, &hardware_names, const_link(a)->sll_hatype);
}

static void push_packet_type(lua_State *L, const struct address *a)
{
    names_push(L, &packet_type_names, const_link(a)->sll_pkttype);
}

static void push_hardware(lua_State *L, const struct address *a)
{
    size_t count;
    const unsigned char *octets = octets_of(a, &count);

    if (count > 0)
        octets_push(L, octets, count);
    else
        lua_pushnil(L);
}

static const struct address_field packet_fields[] = {
    {"interface", push_interface},
    {"ifindex", push_index},
    {"protocol", push_protocol},
    {"hatype", push_hardware_type},
    {"pkttype", push_packet_type},
    {"address", push_hardware},
    {NULL, NULL},
};

static void print_interface(lua_State *L, const struct address *a)
{
    ifindex_print(L, const_link(a)->sll_ifindex);
}

/* Print a number in hexadecimal, since some protocols' names are digits. */
static void print_protocol(lua_State *L, const struct address *a)
{
    char hex[8];

    push_protocol(L, a);
    if (lua_type(L, -1) == LUA_TSTRING)
        return;
    lua_pop(L, 1);
    snprintf(hex, sizeof hex, "0x%04x", ntohs(const_link(a)->sll_protocol));
    lua_pushstring(L, hex);
}

static void print_hardware(lua_State *L, const struct address *a)
{
    size_t count;
    const unsigned char *octets = octets_of(a, &count);

    octets_push(L, octets, count);
}

enum { PARTS = 5 };

/* Return how many parts are printed: trailing zero parts are omitted. */
static int count_parts(const struct sockaddr_ll *ll)
{
    if (ll->sll_pkttype != 0)
        return PARTS;
    if (ll->sll_hatype != 0)
        return 4;
    if (ll->sll_halen != 0)
        return 3;
    return ll->sll_protocol != 0 ? 2 : 1;
}

static void print_packet(lua_State *L, const struct address *a)
{
    static void (*const print[PARTS])(lua_State *, const struct address *) = {
        print_interface,    print_protocol,   print_hardware,
        push_hardware_type, push_packet_type,
    };
    int count = count_parts(const_link(a));
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addstring(&b, packet_family.prefix);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            luaL_addchar(&b, '/');
        print[i](L, a);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
}

/* ---- parsing ---- */

/* Split the text at its slashes. Returns false if there are too many. */
static bool split(char *text, const char *parts[PARTS])
{
    for (int i = 0; i < PARTS; i++)
        parts[i] = "";
    for (int i = 0; text != NULL; i++) {
        if (i == PARTS)
            return false;
        parts[i] = strsep(&text, "/");
    }
    return true;
}

/* Read a name or a number up to `most`; an absent part is zero. */
static bool parse_part(const char *text, const struct names *names,
                       uint32_t most, uint32_t *number)
{
    *number = 0;
    return *text == '\0' || names_parse(names, text, most, number);
}

static void set_hardware(struct address *a, const unsigned char *octets,
                         size_t count)
{
    memcpy(a->bytes + OCTETS_OFFSET, octets, count);
    link_of(a)->sll_halen = (unsigned char)count;
    a->length = (socklen_t)normalise_packet(a);
}

static const char *parse_hardware(struct address *a, const char *text)
{
    unsigned char octets[OCTETS_MOST] = {0};
    size_t count = 0;

    if (*text != '\0' && !octets_parse(text, octets, sizeof octets, &count))
        return HARDWARE_PROBLEM;
    set_hardware(a, octets, count);
    return NULL;
}

static const char *parse_packet(lua_State *L, struct address *a,
                                const char *text)
{
    struct sockaddr_ll *ll = link_of(a);
    char copy[TEXT_MOST];
    const char *parts[PARTS];
    uint32_t number;

    if (strlen(text) >= sizeof copy || !split(strcpy(copy, text), parts))
        return "more than five parts, or too long";
    if (!ifindex_parse(L, parts[0], &ll->sll_ifindex))
        return "no interface has this name";
    if (!parse_part(parts[1], &protocol_ethernet_names, UINT16_MAX, &number))
        return "unknown Ethernet protocol";
    ll->sll_protocol = htons((uint16_t)number);
    if (!parse_part(parts[3], &hardware_names, UINT16_MAX, &number))
        return "unknown hardware type";
    ll->sll_hatype = (unsigned short)number;
    if (!parse_part(parts[4], &packet_type_names, UINT8_MAX, &number))
        return "unknown packet type";
    ll->sll_pkttype = (unsigned char)number;
    return parse_hardware(a, parts[2]);
}

/* ---- building ---- */

static void check_options(lua_State *L, int arg, struct address *a)
{
    static const char *const fields[] = {"address", "hatype", "pkttype", NULL};
    unsigned char octets[OCTETS_MOST] = {0};
    struct sockaddr_ll *ll = link_of(a);

    check_fields(L, arg, fields);
    set_hardware(a, octets, octets_check(L, arg, octets, sizeof octets));
    ll->sll_hatype = (unsigned short)field_opt_name(
        L, arg, arg, "hatype", &hardware_names, UINT16_MAX, 0);
    ll->sll_pkttype = (unsigned char)field_opt_name(
        L, arg, arg, "pkttype", &packet_type_names, UINT8_MAX, 0);
}

/*** Make an address of the link layer (packet(7)).
For `bind` it selects what a packet socket receives; for `sendto` it is the
destination and the interface to send through.
@function packet
@param[opt] interface the interface's name or index; nil, 0 or `"*"`: any
@param[opt=0] protocol an Ethernet protocol, `"ip"`, `"arp"`, `"ipv6"`, `"all"`,
… (also `"ETH_P_IP"`), or a number in host byte order
@tab[opt] options `address`: the hardware address, `"02:42:ac:11:00:02"`, or
its octets, at most 8; `hatype`: the hardware type, `"ether"`, `"loopback"`, …
or a number; `pkttype`: `"host"`, `"broadcast"`, `"multicast"`, `"otherhost"`,
`"outgoing"`, … or a number. The kernel sets `hatype` and `pkttype` of received
packets, and ignores them otherwise.
@treturn Address
@raise argument error for an interface that does not exist, an unknown protocol
or type, or a malformed hardware address
@usage local a = sockeye.packet("eth0", "arp", {address = "ff:ff:ff:ff:ff:ff"})
*/
static int sockeye_packet(lua_State *L)
{
    int protocol = protocol_opt(L, 2, AF_PACKET);
    struct address *a;

    lua_settop(L, 3);
    a = address_new(L);
    address_reset(a, &packet_family);
    link_of(a)->sll_protocol = htons((uint16_t)protocol);
    if (!lua_isnil(L, 3))
        check_options(L, 3, a);
    link_of(a)->sll_ifindex = ifindex_check(L, 1);
    return 1;
}

/* ---- what kind of address ---- */

/* Return whether the address is for any interface. */
static bool is_any(const struct address *a)
{
    return const_link(a)->sll_ifindex == 0;
}

static bool is_loopback(const struct address *a)
{
    return const_link(a)->sll_hatype == ARPHRD_LOOPBACK;
}

/* Test the group bit of IEEE 802, which broadcast also has. */
static bool is_multicast(const struct address *a)
{
    size_t count;
    const unsigned char *octets = octets_of(a, &count);

    return count == 6 && (octets[0] & 1);
}

/* ---- primitives, for lua/sockeye/rtnetlink/ ---- */

/* hardware_name(number): returns a hardware type's name, or the number. */
static int packet_hardware_name(lua_State *L)
{
    names_push(L, &hardware_names, luaL_checkinteger(L, 1));
    return 1;
}

/* print_octets(octets): returns "02:42:ac:11:00:02". */
static int packet_print_octets(lua_State *L)
{
    size_t count;
    const char *octets = luaL_checklstring(L, 1, &count);

    octets_push(L, (const unsigned char *)octets, count);
    return 1;
}

/* read_octets(text): returns the octets; or nil and what is wrong with the
 * value. */
static int packet_read_octets(lua_State *L)
{
    unsigned char octets[HARDWARE_MOST];
    size_t count;
    size_t length = 0;
    const char *text =
        lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &length) : NULL;

    if (text != NULL && text_is_whole(text, length) &&
        octets_parse(text, octets, sizeof octets, &count)) {
        lua_pushlstring(L, (const char *)octets, count);
        return 1;
    }
    lua_pushnil(L);
    lua_pushliteral(L, HARDWARE_PROBLEM);
    return 2;
}

static void open_family(lua_State *L)
{
    static const luaL_Reg primitives[] = {
        {"hardware_name", packet_hardware_name},
        {"print_octets", packet_print_octets},
        {"read_octets", packet_read_octets},
        {NULL, NULL},
    };

    lua_pushcfunction(L, sockeye_packet);
    lua_setfield(L, -2, "packet");
    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, primitives, 0);
    lua_pop(L, 1);
    names_export(L, &packet_type_names);
    names_export(L, &hardware_names);
}

const struct address_family packet_family = {
    .family = AF_PACKET,
    .prefix = "packet:",
    .normalise = normalise_packet,
    .parse = parse_packet,
    .print = print_packet,
    .fields = packet_fields,
    .is = {is_any, is_loopback, is_multicast},
    .open = open_family,
};

#endif
