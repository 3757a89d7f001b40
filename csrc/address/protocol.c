/*
 * protocol: the names of the protocols of socket(2); see protocol.h.
 *
 * ip(7), protocols(5), packet(7), netlink(7), linux/can.h and
 * include/net/bluetooth/bluetooth.h of the kernel. A family without a row has
 * no names for its protocols; it takes those of IP, for the kernel to refuse.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "address/protocol.h"
#include "base/argument.h"
#include "base/kernel.h"
#include "open.h"

#ifdef __linux__
#include <linux/can.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#endif

/* clang-format off */
/* What netinet/in.h names comes first, then IANA's registry of Assigned Internet
 * Protocol Numbers, whose keywords are in lower case here, then other names of
 * the same numbers. Where the header and the registry differ, the header holds:
 * ipip is 4, which the registry calls ipv4; its own IPIP, 94, has no name. */
static const struct name protocol_rows[] = {
    {"ip", IPPROTO_IP}, {"icmp", IPPROTO_ICMP}, {"igmp", IPPROTO_IGMP},
    {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"ipv6", IPPROTO_IPV6},
    {"icmpv6", IPPROTO_ICMPV6}, {"ipv6-icmp", IPPROTO_ICMPV6},
    {"raw", IPPROTO_RAW}, {"ah", IPPROTO_AH}, {"esp", IPPROTO_ESP},

    {"ggp", 3}, {"ipv4", 4}, {"st", 5}, {"cbt", 7}, {"egp", 8}, {"igp", 9},
    {"bbn-rcc-mon", 10}, {"nvp-ii", 11}, {"pup", 12}, {"argus", 13},
    {"emcon", 14}, {"xnet", 15}, {"chaos", 16}, {"mux", 18}, {"dcn-meas", 19},
    {"hmp", 20}, {"prm", 21}, {"xns-idp", 22}, {"trunk-1", 23}, {"trunk-2", 24},
    {"leaf-1", 25}, {"leaf-2", 26}, {"rdp", 27}, {"irtp", 28}, {"iso-tp4", 29},
    {"netblt", 30}, {"mfe-nsp", 31}, {"merit-inp", 32}, {"dccp", 33},
    {"3pc", 34}, {"idpr", 35}, {"xtp", 36}, {"ddp", 37}, {"idpr-cmtp", 38},
    {"tp++", 39}, {"il", 40}, {"sdrp", 42}, {"ipv6-route", 43},
    {"ipv6-frag", 44}, {"idrp", 45}, {"rsvp", 46}, {"gre", 47}, {"dsr", 48},
    {"bna", 49}, {"i-nlsp", 52}, {"swipe", 53}, {"narp", 54}, {"min-ipv4", 55},
    {"tlsp", 56}, {"skip", 57}, {"ipv6-nonxt", 59}, {"ipv6-opts", 60},
    {"cftp", 62}, {"sat-expak", 64}, {"kryptolan", 65}, {"rvd", 66},
    {"ippc", 67}, {"sat-mon", 69}, {"visa", 70}, {"ipcv", 71}, {"cpnx", 72},
    {"cphb", 73}, {"wsn", 74}, {"pvp", 75}, {"br-sat-mon", 76}, {"sun-nd", 77},
    {"wb-mon", 78}, {"wb-expak", 79}, {"iso-ip", 80}, {"vmtp", 81},
    {"secure-vmtp", 82}, {"vines", 83}, {"iptm", 84}, {"nsfnet-igp", 85},
    {"dgp", 86}, {"tcf", 87}, {"eigrp", 88}, {"ospf", 89}, {"sprite-rpc", 90},
    {"larp", 91}, {"mtp", 92}, {"ax.25", 93}, {"micp", 95}, {"scc-sp", 96},
    {"etherip", 97}, {"encap", 98}, {"gmtp", 100}, {"ifmp", 101}, {"pnni", 102},
    {"pim", 103}, {"aris", 104}, {"scps", 105}, {"qnx", 106}, {"a/n", 107},
    {"ipcomp", 108}, {"snp", 109}, {"compaq-peer", 110}, {"ipx-in-ip", 111},
    {"vrrp", 112}, {"pgm", 113}, {"l2tp", 115}, {"ddx", 116}, {"iatp", 117},
    {"stp", 118}, {"srp", 119}, {"uti", 120}, {"smp", 121}, {"sm", 122},
    {"ptp", 123}, {"isis", 124}, {"fire", 125}, {"crtp", 126}, {"crudp", 127},
    {"sscopmce", 128}, {"iplt", 129}, {"sps", 130}, {"pipe", 131},
    {"sctp", 132}, {"fc", 133}, {"rsvp-e2e-ignore", 134},
    {"mobility-header", 135}, {"udplite", 136}, {"mpls-in-ip", 137},
    {"manet", 138}, {"hip", 139}, {"shim6", 140}, {"wesp", 141}, {"rohc", 142},
    {"ethernet", 143}, {"aggfrag", 144}, {"nsh", 145}, {"homa", 146},
    {"bit-emu", 147},

    {"ospfigp", 89}, {"ttp", 84}, {"mobile", 55}, {"hopopt", 0},
    {"isis-over-ipv4", 124}, {"ipip", 4}, {"ipencap", 4}, {"idp", 22},
    {"tp", 29}, {"comp", 108}, {"routing", 43}, {"fragment", 44}, {"none", 59},
    {"dstopts", 60}, {"hopopts", 0}, {"mh", 135}, {"mpls", 137}, {"beetph", 94},
    {"rspf", 73},
#ifdef __linux__
    {"smc", 256}, {"mptcp", 262},
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

static const struct name can_rows[] = {
    {"raw", CAN_RAW}, {"bcm", CAN_BCM}, {"tp16", CAN_TP16},
    {"tp20", CAN_TP20}, {"mcnet", CAN_MCNET}, {"isotp", CAN_ISOTP},
    {"j1939", CAN_J1939},
    {NULL, 0},
};

/* The kernel has these numbers in headers that it does not install. */
static const struct name bluetooth_rows[] = {
    {"l2cap", 0}, {"hci", 1}, {"sco", 2}, {"rfcomm", 3}, {"bnep", 4},
    {"cmtp", 5}, {"hidp", 6}, {"avdtp", 7}, {"iso", 8},
    {NULL, 0},
};

static const struct name caif_rows[] = {
    {"at", 0}, {"datagram", 1}, {"datagram_loop", 2}, {"util", 3}, {"rfm", 4},
    {"debug", 5},
    {NULL, 0},
};

static const struct name smc_rows[] = {
    {"smc", 0}, {"smc6", 1},
    {NULL, 0},
};

static const struct name key_rows[] = {
    {"key_v2", 2},
    {NULL, 0},
};

static const struct name nfc_rows[] = {
    {"raw", 0}, {"llcp", 1},
    {NULL, 0},
};

static const struct name phonet_rows[] = {
    {"transport", 0}, {"phonet", 1}, {"pipe", 2},
    {NULL, 0},
};

static const struct name pppox_rows[] = {
    {"oe", 0}, {"ol2tp", 1}, {"pptp", 2},
    {NULL, 0},
};

static const struct name kcm_rows[] = {
    {"connected", 0},
    {NULL, 0},
};
#endif

static const struct name no_rows[] = {
    {NULL, 0},
};
/* clang-format on */

const struct names protocol_names = {
    "protocol", {"IPPROTO_", NULL}, protocol_rows};

#ifdef __linux__
const struct names protocol_ethernet_names = {
    "Ethernet protocol", {"ETH_P_", NULL}, ethernet_rows};

static const struct names netlink_names = {
    "netlink protocol", {"NETLINK_", NULL}, netlink_rows};
static const struct names can_names = {
    "CAN protocol", {"CAN_", NULL}, can_rows};
static const struct names bluetooth_names = {
    "Bluetooth protocol", {"BTPROTO_", NULL}, bluetooth_rows};
static const struct names caif_names = {
    "CAIF protocol", {"CAIFPROTO_", NULL}, caif_rows};
static const struct names smc_names = {
    "SMC protocol", {"SMCPROTO_", NULL}, smc_rows};
static const struct names key_names = {
    "version of PF_KEY", {"PF_", NULL}, key_rows};
static const struct names nfc_names = {
    "NFC protocol", {"NFC_SOCKPROTO_", NULL}, nfc_rows};
static const struct names phonet_names = {
    "Phonet protocol", {"PN_PROTO_", NULL}, phonet_rows};
static const struct names pppox_names = {
    "PPP transport", {"PX_PROTO_", NULL}, pppox_rows};
static const struct names kcm_names = {
    "KCM protocol", {"KCMPROTO_", NULL}, kcm_rows};
#endif

static const struct names no_names = {"protocol", {NULL, NULL}, no_rows};

/* The families whose protocols have names. AF_UNSPEC stands for all of IP. */
static const struct protocols {
    const struct names *names;
    int family;
    bool network_order; /* the kernel takes 16 bits in network byte order */
} families[] = {
#ifdef __linux__
    {&protocol_ethernet_names, AF_PACKET, true},
    {&netlink_names, AF_NETLINK, false},
    {&bluetooth_names, AF_BLUETOOTH, false},
    {&caif_names, AF_CAIF, false},
    {&can_names, AF_CAN, false},
    {&kcm_names, AF_KCM, false},
    {&key_names, AF_KEY, false},
    {&nfc_names, AF_NFC, false},
    {&phonet_names, AF_PHONET, false},
    {&pppox_names, AF_PPPOX, false},
    {&smc_names, AF_SMC, false},
#endif
    {&protocol_names, AF_INET, false},
    {&protocol_names, AF_INET6, false},
    {&protocol_names, AF_UNSPEC, false},
    {&no_names, -1, false},
};

static const struct protocols *protocols_of(int family)
{
    const struct protocols *p = families;

    while (p->family != -1 && p->family != family)
        p++;
    return p;
}

const struct names *protocol_names_of(int family)
{
    return protocols_of(family)->names;
}

const struct names *protocol_known_names(int family)
{
    const struct names *names = protocols_of(family)->names;

    return names == &no_names ? &protocol_names : names;
}

const struct names *protocol_names_at(int i, int *family)
{
    *family = families[i].family;
    return *family == -1 ? NULL : families[i].names;
}

int protocol_opt(lua_State *L, int arg, int family)
{
    const struct protocols *p = protocols_of(family);
    lua_Integer protocol = names_opt(L, arg, protocol_known_names(family), 0);

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
    return names_push_read(L, 2, protocol_known_names(family));
}

void open_protocol(lua_State *L)
{
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_read_protocol);
    lua_setfield(L, -2, "read_protocol");
    lua_pop(L, 1);
    for (const struct protocols *p = families; p->family != -1; p++)
        names_export(L, p->names);
}
