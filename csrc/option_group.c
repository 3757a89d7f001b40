/*
 * option_group: the options that name interfaces and multicast groups; see
 * option_type.h.
 *
 * ip(7), ipv6(7), RFC 3678. A script names an interface by its name, its index
 * or one of its addresses; each structure wants one of these alone, and the
 * others are looked up in what getifaddrs(3) tells.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#include <lauxlib.h>

#include "error.h"
#include "option_type.h"
#include "sockaddr.h"
#include "socket.h"

/* An IP address of either family. */
struct host {
    int family; /* AF_UNSPEC: none */
    union {
        struct in_addr in;
        struct in6_addr in6;
    };
};

/* An interface as a script named it. */
struct link {
    unsigned index;    /* 0: not named so */
    struct host local; /* one of its addresses, where it was named by that */
};

struct membership {
    struct host group;
    struct host source;
    struct link link;
};

/* ---- hosts ---- */

static bool parse_host(struct host *host, const char *text)
{
    host->family = AF_INET;
    if (inet_pton(AF_INET, text, &host->in) == 1)
        return true;
    host->family = AF_INET6;
    if (inet_pton(AF_INET6, text, &host->in6) == 1)
        return true;
    host->family = AF_UNSPEC;
    return false;
}

static bool host_of(struct host *host, const struct sockaddr *name)
{
    host->family = name->sa_family;
    if (host->family == AF_INET)
        host->in = ((const struct sockaddr_in *)(const void *)name)->sin_addr;
    else if (host->family == AF_INET6)
        host->in6 =
            ((const struct sockaddr_in6 *)(const void *)name)->sin6_addr;
    else
        return false;
    return true;
}

static bool same_host(const struct host *a, const struct host *b)
{
    size_t size = a->family == AF_INET ? sizeof a->in : sizeof a->in6;

    return a->family == b->family && memcmp(&a->in, &b->in, size) == 0;
}

/* As much of a sockaddr as a group or source needs. */
static void store_host(struct sockaddr_storage *name, const struct host *host)
{
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;

    memset(&address, 0, sizeof address);
    if (host->family == AF_INET) {
        address.in.sin_family = AF_INET;
        address.in.sin_addr = host->in;
    } else {
        address.in6.sin6_family = AF_INET6;
        address.in6.sin6_addr = host->in6;
    }
    memset(name, 0, sizeof *name);
    memcpy(name, &address, sizeof address);
}

static int argerror_at(lua_State *L, int arg, const char *field,
                       const char *what)
{
    return field ? field_argerror(L, arg, field, what)
                 : luaL_argerror(L, arg, what);
}

/* The address in a field of the table at `arg`, of `family` if that is one. */
static void check_host(lua_State *L, int arg, const char *field, int family,
                       struct host *host)
{
    const struct address *a;
    bool known;

    memset(host, 0, sizeof *host);
    lua_getfield(L, arg, field);
    a = address_test(L, -1);
    if (a != NULL)
        known = host_of(host, &a->any);
    else
        known = lua_type(L, -1) == LUA_TSTRING &&
                parse_host(host, lua_tostring(L, -1));
    if (!known)
        field_argerror(L, arg, field, "numeric address expected");
    if (family != AF_UNSPEC && host->family != family)
        field_argerror(L, arg, field,
                       family == AF_INET ? "IPv4 address expected"
                                         : "IPv6 address expected");
    lua_pop(L, 1);
}

/* ---- interfaces ---- */

/* Whether an entry of getifaddrs is of the interface that `link` names. */
static bool is_link(const struct ifaddrs *entry, const struct link *link)
{
    struct host host;

    if (link->index != 0)
        return if_nametoindex(entry->ifa_name) == link->index;
    return host_of(&host, entry->ifa_addr) && same_host(&host, &link->local);
}

/* Complete a link that was named otherwise: its index, or an IPv4 address. */
static bool complete_link(lua_State *L, struct link *link, bool wants_address)
{
    struct ifaddrs *list;
    bool collected = false;
    bool found = false;
    int result;

    do
        result = getifaddrs(&list);
    while (result == -1 && collect_descriptors(L, errno, &collected));
    if (result == -1)
        raise_errno(L, "getifaddrs", errno, 0);
    for (struct ifaddrs *i = list; i != NULL && !found; i = i->ifa_next) {
        if (i->ifa_addr == NULL || !is_link(i, link))
            continue;
        if (!wants_address)
            link->index = if_nametoindex(i->ifa_name);
        else if (i->ifa_addr->sa_family == AF_INET)
            host_of(&link->local, i->ifa_addr);
        found = wants_address ? link->local.family == AF_INET : link->index;
    }
    freeifaddrs(list);
    return found;
}

/* The interface on top of the stack, an argument or the field of one. */
static void check_link(lua_State *L, int arg, const char *field,
                       struct link *link)
{
    int isinteger;
    lua_Integer index;
    const char *text;

    memset(link, 0, sizeof *link);
    if (lua_type(L, -1) == LUA_TSTRING) {
        text = lua_tostring(L, -1);
        if (parse_host(&link->local, text) || *text == '\0')
            return;
        link->index = find_interface(L, text);
        if (link->index == 0)
            argerror_at(L, arg, field, "no interface of that name");
        return;
    }
    index = lua_tointegerx(L, -1, &isinteger);
    if (!isinteger)
        argerror_at(L, arg, field, "name, index or address expected");
    else if (index < 0 || index > INT32_MAX)
        argerror_at(L, arg, field, "index out of range");
    link->index = (unsigned)index;
}

/* The index of the interface; 0: the choice is the system's. */
static unsigned need_index(lua_State *L, int arg, const char *field,
                           struct link *link)
{
    if (link->index == 0 && link->local.family != AF_UNSPEC &&
        !complete_link(L, link, false))
        argerror_at(L, arg, field, "no interface of that address");
    return link->index;
}

/* An IPv4 address of the interface; INADDR_ANY: the choice is the system's. */
static struct in_addr need_local(lua_State *L, int arg, struct link *link)
{
    if (link->local.family == AF_INET ||
        need_index(L, arg, "interface", link) == 0)
        return link->local.in;
    if (!complete_link(L, link, true))
        field_argerror(L, arg, "interface", "it has no IPv4 address");
    return link->local.in;
}

static unsigned check_index(lua_State *L, int arg)
{
    struct link link;

    luaL_checkany(L, arg);
    lua_pushvalue(L, arg);
    check_link(L, arg, NULL, &link);
    lua_pop(L, 1);
    return need_index(L, arg, NULL, &link);
}

static struct option_data check_interface(lua_State *L, int arg,
                                          const struct option_type *type,
                                          union option_value *value)
{
    (void)type;
    value->numbers[0] = check_index(L, arg);
    return (struct option_data){value->numbers, sizeof *value->numbers};
}

static void push_interface(lua_State *L, const struct option_type *type,
                           const union option_value *value, socklen_t length)
{
    (void)type;
    (void)length;
    lua_pushinteger(L, value->number);
}

const struct option_type interface_option = {
    .name = "interface",
    .size = sizeof(int),
    .check = check_interface,
    .push = push_interface,
};

/* IP_UNICAST_IF and IPV6_UNICAST_IF have it in network byte order. */
static struct option_data check_net_interface(lua_State *L, int arg,
                                              const struct option_type *type,
                                              union option_value *value)
{
    struct option_data data = check_interface(L, arg, type, value);

    value->numbers[0] = htonl(value->numbers[0]);
    return data;
}

static void push_net_interface(lua_State *L, const struct option_type *type,
                               const union option_value *value,
                               socklen_t length)
{
    (void)type;
    (void)length;
    lua_pushinteger(L, ntohl(value->numbers[0]));
}

const struct option_type net_interface_option = {
    .name = "interface",
    .size = sizeof(int),
    .check = check_net_interface,
    .push = push_net_interface,
};

/* ---- memberships ---- */

/* {group =, source =, interface =}; `source` where there is one to be. */
static void check_membership(lua_State *L, int arg, int family, bool sourced,
                             struct membership *m)
{
    static const char *const fields[] = {"group", "interface", "source", NULL};
    static const char *const sourceless[] = {"group", "interface", NULL};

    memset(m, 0, sizeof *m);
    check_fields(L, arg, sourced ? fields : sourceless);
    check_host(L, arg, "group", family, &m->group);
    if (sourced)
        check_host(L, arg, "source", m->group.family, &m->source);
    if (lua_getfield(L, arg, "interface") != LUA_TNIL)
        check_link(L, arg, "interface", &m->link);
    lua_pop(L, 1);
}

static struct option_data check_mreq6(lua_State *L, int arg,
                                      const struct option_type *type,
                                      union option_value *value)
{
    struct membership m;

    (void)type;
    check_membership(L, arg, AF_INET6, false, &m);
    value->mreq6 = (struct ipv6_mreq){
        .ipv6mr_multiaddr = m.group.in6,
        .ipv6mr_interface = need_index(L, arg, "interface", &m.link),
    };
    return (struct option_data){&value->mreq6, sizeof value->mreq6};
}

const struct option_type mreq6_option = {
    .name = "ipv6_mreq",
    .check = check_mreq6,
};

static struct option_data check_group(lua_State *L, int arg,
                                      const struct option_type *type,
                                      union option_value *value)
{
    struct membership m;

    (void)type;
    check_membership(L, arg, AF_UNSPEC, false, &m);
    memset(&value->group, 0, sizeof value->group);
    value->group.gr_interface = need_index(L, arg, "interface", &m.link);
    store_host(&value->group.gr_group, &m.group);
    return (struct option_data){&value->group, sizeof value->group};
}

const struct option_type group_option = {
    .name = "group_req",
    .check = check_group,
};

static struct option_data check_group_source(lua_State *L, int arg,
                                             const struct option_type *type,
                                             union option_value *value)
{
    struct group_source_req *request = &value->group_source;
    struct membership m;

    (void)type;
    check_membership(L, arg, AF_UNSPEC, true, &m);
    memset(request, 0, sizeof *request);
    request->gsr_interface = need_index(L, arg, "interface", &m.link);
    store_host(&request->gsr_group, &m.group);
    store_host(&request->gsr_source, &m.source);
    return (struct option_data){request, sizeof *request};
}

const struct option_type group_source_option = {
    .name = "group_source_req",
    .check = check_group_source,
};

#ifdef __linux__

static struct option_data check_mreq(lua_State *L, int arg,
                                     const struct option_type *type,
                                     union option_value *value)
{
    struct ip_mreqn request = {0};
    struct membership m;

    (void)type;
    check_membership(L, arg, AF_INET, false, &m);
    request.imr_multiaddr = m.group.in;
    if (m.link.local.family == AF_INET)
        request.imr_address = m.link.local.in;
    else
        request.imr_ifindex = (int)need_index(L, arg, "interface", &m.link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

const struct option_type mreq_option = {
    .name = "ip_mreqn",
    .check = check_mreq,
};

static struct option_data check_mreq_source(lua_State *L, int arg,
                                            const struct option_type *type,
                                            union option_value *value)
{
    struct ip_mreq_source request = {0};
    struct membership m;

    (void)type;
    check_membership(L, arg, AF_INET, true, &m);
    request.imr_multiaddr = m.group.in;
    request.imr_sourceaddr = m.source.in;
    request.imr_interface = need_local(L, arg, &m.link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

const struct option_type mreq_source_option = {
    .name = "ip_mreq_source",
    .check = check_mreq_source,
};

/* ---- where multicast leaves: an interface in, its address out ---- */

static struct option_data check_multicast_if(lua_State *L, int arg,
                                             const struct option_type *type,
                                             union option_value *value)
{
    struct ip_mreqn request = {0};
    struct link link;

    (void)type;
    luaL_checkany(L, arg);
    lua_pushvalue(L, arg);
    check_link(L, arg, NULL, &link);
    lua_pop(L, 1);
    if (link.local.family == AF_INET)
        request.imr_address = link.local.in;
    else
        request.imr_ifindex = (int)need_index(L, arg, NULL, &link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

static void push_in_addr(lua_State *L, const struct option_type *type,
                         const union option_value *value, socklen_t length)
{
    (void)type;
    (void)length;
    push_host(L, AF_INET, &value->in_addr);
}

const struct option_type multicast_if_option = {
    .name = "multicast_if",
    .size = sizeof(struct in_addr),
    .check = check_multicast_if,
    .push = push_in_addr,
};

/* ---- the source of what a socket sends ---- */

static struct option_data check_pktinfo6(lua_State *L, int arg,
                                         const struct option_type *type,
                                         union option_value *value)
{
    static const char *const fields[] = {"address", "interface", NULL};
    struct in6_pktinfo request = {0};
    struct host host;
    struct link link = {0};

    (void)type;
    check_fields(L, arg, fields);
    check_host(L, arg, "address", AF_INET6, &host);
    if (lua_getfield(L, arg, "interface") != LUA_TNIL)
        check_link(L, arg, "interface", &link);
    lua_pop(L, 1);
    request.ipi6_addr = host.in6;
    request.ipi6_ifindex = need_index(L, arg, "interface", &link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

const struct option_type pktinfo6_option = {
    .name = "in6_pktinfo",
    .check = check_pktinfo6,
};

#endif
