/*
 * netlink: addresses of netlink sockets, `struct sockaddr_nl`; see
 * family.h.
 *
 * netlink(7).
 */
#include "address/netlink.h"

#ifdef __linux__

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/text.h"

static struct sockaddr_nl *netlink_of(struct address *a)
{
    return (void *)a->bytes;
}

static const struct sockaddr_nl *const_netlink(const struct address *a)
{
    return (const void *)a->bytes;
}

static size_t normalise_netlink(struct address *a)
{
    netlink_of(a)->nl_pad = 0;
    return sizeof(struct sockaddr_nl);
}

static void push_pid(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_netlink(a)->nl_pid);
}

static void push_groups(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_netlink(a)->nl_groups);
}

static const struct address_field netlink_fields[] = {
    {"pid", push_pid},
    {"groups", push_groups},
    {NULL, NULL},
};

static void print_netlink(lua_State *L, const struct address *a)
{
    const struct sockaddr_nl *nl = const_netlink(a);
    char text[40];

    snprintf(text, sizeof text, nl->nl_groups ? "%s%u/0x%x" : "%s%u",
             netlink_family.prefix, nl->nl_pid, nl->nl_groups);
    lua_pushstring(L, text);
}

static const char *parse_netlink(lua_State *L, struct address *a,
                                 const char *text)
{
    struct sockaddr_nl *nl = netlink_of(a);
    char pid[16];
    size_t length = strcspn(text, "/");

    (void)L;
    if (length >= sizeof pid)
        return "pid out of range";
    memcpy(pid, text, length);
    pid[length] = '\0';
    if (!text_parse_number(pid, &nl->nl_pid))
        return "pid is not a number from 0 to 4294967295";
    if (text[length] == '/' &&
        !text_parse_number(text + length + 1, &nl->nl_groups))
        return "groups are not a mask of 32 bits";
    return NULL;
}

/* Return the number of 32 bits at `arg`; 0 for nil. */
static uint32_t opt_number(lua_State *L, int arg)
{
    return lua_isnoneornil(L, arg)
               ? 0
               : (uint32_t)field_check_range(L, arg, 0, UINT32_MAX);
}

/*** Make an address of a netlink socket (netlink(7)).
@function netlink
@int[opt=0] pid the port of a socket, often but not always a process id; 0 is
the kernel, or, for `bind`, a port that the kernel chooses
@int[opt=0] groups a mask of the first 32 multicast groups
@treturn Address
@raise argument error for numbers of more than 32 bits
@usage s:bind(sockeye.netlink())
*/
static int sockeye_netlink(lua_State *L)
{
    uint32_t pid = opt_number(L, 1);
    uint32_t groups = opt_number(L, 2);
    struct address *a = address_new(L);

    address_reset(a, &netlink_family);
    netlink_of(a)->nl_pid = pid;
    netlink_of(a)->nl_groups = groups;
    return 1;
}

static bool is_any(const struct address *a)
{
    return const_netlink(a)->nl_pid == 0 && const_netlink(a)->nl_groups == 0;
}

static bool is_multicast(const struct address *a)
{
    return const_netlink(a)->nl_groups != 0;
}

static void open_family(lua_State *L)
{
    lua_pushcfunction(L, sockeye_netlink);
    lua_setfield(L, -2, "netlink");
}

const struct address_family netlink_family = {
    .family = AF_NETLINK,
    .prefix = "netlink:",
    .normalise = normalise_netlink,
    .parse = parse_netlink,
    .print = print_netlink,
    .fields = netlink_fields,
    .is = {is_any, NULL, is_multicast},
    .open = open_family,
};

#endif
