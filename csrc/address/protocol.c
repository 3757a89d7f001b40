/*
 * protocol: the names of the protocols of socket(2); see protocol.h.
 *
 * ip(7), protocols(5), packet(7), netlink(7). A family without a row uses the
 * names of IP.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "address/protocol.h"
#include "base/argument.h"
#include "open.h"

#ifdef __linux__
#include <linux/if_ether.h>
#include <linux/netlink.h>
#endif

/* clang-format off */
static const struct name protocol_rows[] = {
    {"ip", IPPROTO_IP}, {"icmp", IPPROTO_ICMP}, {"igmp", IPPROTO_IGMP},
    {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"ipv6", IPPROTO_IPV6},
    {"icmpv6", IPPROTO_ICMPV6}, {"ipv6-icmp", IPPROTO_ICMPV6},
    {"raw", IPPROTO_RAW}, {"ah", IPPROTO_AH}, {"esp", IPPROTO_ESP},
#ifdef IPPROTO_GRE
    {"gre", IPPROTO_GRE},
#endif
#ifdef IPPROTO_PIM
    {"pim", IPPROTO_PIM},
#endif
#ifdef IPPROTO_DCCP
    {"dccp", IPPROTO_DCCP},
#endif
#ifdef IPPROTO_SCTP
    {"sctp", IPPROTO_SCTP},
#endif
#ifdef __linux__
    {"udplite", 136}, {"mptcp", 262},
#endif
    {NULL, 0},
};

#ifdef __linux__
static const struct name ethernet_rows[] = {
    {"802_3", ETH_P_802_3}, {"ax25", ETH_P_AX25}, {"all", ETH_P_ALL},
    {"802_2", ETH_P_802_2}, {"snap", ETH_P_SNAP}, {"can", ETH_P_CAN},
    {"canfd", ETH_P_CANFD}, {"control", ETH_P_CONTROL},
    {"ieee802154", ETH_P_IEEE802154}, {"loop", ETH_P_LOOP},
    {"ip", ETH_P_IP}, {"x25", ETH_P_X25}, {"arp", ETH_P_ARP},
    {"batman", ETH_P_BATMAN}, {"teb", ETH_P_TEB}, {"rarp", ETH_P_RARP},
    {"atalk", ETH_P_ATALK}, {"aarp", ETH_P_AARP}, {"8021q", ETH_P_8021Q},
    {"ipx", ETH_P_IPX}, {"ipv6", ETH_P_IPV6}, {"pause", ETH_P_PAUSE},
    {"slow", ETH_P_SLOW}, {"mpls_uc", ETH_P_MPLS_UC},
    {"mpls_mc", ETH_P_MPLS_MC}, {"ppp_disc", ETH_P_PPP_DISC},
    {"ppp_ses", ETH_P_PPP_SES}, {"pae", ETH_P_PAE}, {"aoe", ETH_P_AOE},
    {"ethercat", ETH_P_ETHERCAT}, {"8021ad", ETH_P_8021AD},
    {"802_ex1", ETH_P_802_EX1}, {"tipc", ETH_P_TIPC}, {"lldp", ETH_P_LLDP},
    {"macsec", ETH_P_MACSEC}, {"8021ah", ETH_P_8021AH},
    {"1588", ETH_P_1588}, {"fcoe", ETH_P_FCOE}, {"fip", ETH_P_FIP},
    {"loopback", ETH_P_LOOPBACK}, {"qinq1", ETH_P_QINQ1},
    {NULL, 0},
};

static const struct name netlink_rows[] = {
    {"route", NETLINK_ROUTE}, {"usersock", NETLINK_USERSOCK},
    {"firewall", NETLINK_FIREWALL}, {"sock_diag", NETLINK_SOCK_DIAG},
    {"inet_diag", NETLINK_INET_DIAG}, {"nflog", NETLINK_NFLOG},
    {"xfrm", NETLINK_XFRM}, {"selinux", NETLINK_SELINUX},
    {"iscsi", NETLINK_ISCSI}, {"audit", NETLINK_AUDIT},
    {"fib_lookup", NETLINK_FIB_LOOKUP}, {"connector", NETLINK_CONNECTOR},
    {"netfilter", NETLINK_NETFILTER}, {"ip6_fw", NETLINK_IP6_FW},
    {"kobject_uevent", NETLINK_KOBJECT_UEVENT},
    {"generic", NETLINK_GENERIC}, {"scsitransport", NETLINK_SCSITRANSPORT},
    {"rdma", NETLINK_RDMA}, {"crypto", NETLINK_CRYPTO},
    {NULL, 0},
};
#endif
/* clang-format on */

const struct names protocol_names = {
    "protocol", {"IPPROTO_", NULL}, protocol_rows};

#ifdef __linux__
const struct names protocol_ethernet_names = {
    "Ethernet protocol", {"ETH_P_", NULL}, ethernet_rows};

static const struct names netlink_names = {
    "netlink protocol", {"NETLINK_", NULL}, netlink_rows};
#endif

/* The families whose protocols are not those of IP. */
static const struct protocols {
    int family;
    const struct names *names;
    bool network_order; /* the kernel takes 16 bits in network byte order */
} families[] = {
#ifdef __linux__
    {AF_PACKET, &protocol_ethernet_names, true},
    {AF_NETLINK, &netlink_names, false},
#endif
    {AF_UNSPEC, &protocol_names, false},
};

static const struct protocols *protocols_of(int family)
{
    const struct protocols *p = families;

    while (p->family != AF_UNSPEC && p->family != family)
        p++;
    return p;
}

const struct names *protocol_names_of(int family)
{
    return protocols_of(family)->names;
}

int protocol_opt(lua_State *L, int arg, int family)
{
    const struct protocols *p = protocols_of(family);
    lua_Integer protocol = names_opt(L, arg, p->names, 0);

    luaL_argcheck(L, !p->network_order || protocol <= UINT16_MAX, arg,
                  "protocol out of range (0 to 65535)");
    return (int)protocol;
}

int protocol_for_system(int family, int protocol)
{
    return protocols_of(family)->network_order ? htons((uint16_t)protocol)
                                               : protocol;
}

/* read_protocol(family, value): returns the number of the family's protocol; or
 * nil and what is wrong with the value. */
static int sockeye_read_protocol(lua_State *L)
{
    int family = (int)luaL_checkinteger(L, 1);

    luaL_checkany(L, 2);
    return names_push_read(L, 2, protocol_names_of(family));
}

void open_protocol(lua_State *L)
{
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_read_protocol);
    lua_setfield(L, -2, "read_protocol");
    lua_pop(L, 1);
    for (const struct protocols *p = families; p->family != AF_UNSPEC; p++)
        names_export(L, p->names);
    names_export(L, &protocol_names);
}
