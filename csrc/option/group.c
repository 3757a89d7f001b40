/*
 * group: the options whose values name interfaces and multicast groups; see
 * type.h.
 *
 * ip(7), ipv6(7), RFC 3678.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "address/host.h"
#include "base/argument.h"
#include "option/interface.h"
#include "option/type.h"

struct membership {
    struct host group;
    struct host source;
    struct link link;
};

/* ---- interfaces ---- */

static unsigned check_index(lua_State *L, int arg)
{
    struct link link;

    luaL_checkany(L, arg);
    lua_pushvalue(L, arg);
    interface_check(L, arg, NULL, &link);
    lua_pop(L, 1);
    return interface_index(L, arg, NULL, &link);
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

const struct option_type option_interface = {
    .name = "interface",
    .size = sizeof(int),
    .check = check_interface,
    .push = push_interface,
};

/* IP_UNICAST_IF and IPV6_UNICAST_IF take the index in network byte order. */
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

const struct option_type option_net_interface = {
    .name = "interface",
    .size = sizeof(int),
    .check = check_net_interface,
    .push = push_net_interface,
};

/* ---- memberships ---- */

/* Read {group =, interface =}, with a field `source` if `sourced`. */
static void check_membership(lua_State *L, int arg, int family, bool sourced,
                             struct membership *m)
{
    static const char *const fields[] = {"group", "interface", "source", NULL};
    static const char *const sourceless[] = {"group", "interface", NULL};

    memset(m, 0, sizeof *m);
    check_fields(L, arg, sourced ? fields : sourceless);
    host_check_field(L, arg, "group", family, &m->group);
    if (sourced)
        host_check_field(L, arg, "source", m->group.family, &m->source);
    interface_check_field(L, arg, &m->link);
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
        .ipv6mr_interface = interface_index(L, arg, "interface", &m.link),
    };
    return (struct option_data){&value->mreq6, sizeof value->mreq6};
}

const struct option_type option_mreq6 = {
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
    value->group.gr_interface = interface_index(L, arg, "interface", &m.link);
    host_store(&value->group.gr_group, &m.group);
    return (struct option_data){&value->group, sizeof value->group};
}

const struct option_type option_group = {
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
    request->gsr_interface = interface_index(L, arg, "interface", &m.link);
    host_store(&request->gsr_group, &m.group);
    host_store(&request->gsr_source, &m.source);
    return (struct option_data){request, sizeof *request};
}

const struct option_type option_group_source = {
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
        request.imr_ifindex =
            (int)interface_index(L, arg, "interface", &m.link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

const struct option_type option_mreq = {
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
    request.imr_interface = interface_ipv4(L, arg, &m.link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

const struct option_type option_mreq_source = {
    .name = "ip_mreq_source",
    .check = check_mreq_source,
};

/* ---- multicast_if: written as an interface, read as its address ---- */

static struct option_data check_multicast_if(lua_State *L, int arg,
                                             const struct option_type *type,
                                             union option_value *value)
{
    struct ip_mreqn request = {0};
    struct link link;

    (void)type;
    luaL_checkany(L, arg);
    lua_pushvalue(L, arg);
    interface_check(L, arg, NULL, &link);
    lua_pop(L, 1);
    if (link.local.family == AF_INET)
        request.imr_address = link.local.in;
    else
        request.imr_ifindex = (int)interface_index(L, arg, NULL, &link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

static void push_in_addr(lua_State *L, const struct option_type *type,
                         const union option_value *value, socklen_t length)
{
    (void)type;
    (void)length;
    host_push(L, AF_INET, &value->in_addr);
}

const struct option_type option_multicast_if = {
    .name = "multicast_if",
    .size = sizeof(struct in_addr),
    .check = check_multicast_if,
    .push = push_in_addr,
};

/* ---- in6_pktinfo: the source address of packets sent ---- */

static struct option_data check_pktinfo6(lua_State *L, int arg,
                                         const struct option_type *type,
                                         union option_value *value)
{
    static const char *const fields[] = {"address", "interface", NULL};
    struct in6_pktinfo request = {0};
    struct host host;
    struct link link;

    (void)type;
    check_fields(L, arg, fields);
    host_check_field(L, arg, "address", AF_INET6, &host);
    interface_check_field(L, arg, &link);
    request.ipi6_addr = host.in6;
    request.ipi6_ifindex = interface_index(L, arg, "interface", &link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

const struct option_type option_pktinfo6 = {
    .name = "in6_pktinfo",
    .check = check_pktinfo6,
};

#endif
