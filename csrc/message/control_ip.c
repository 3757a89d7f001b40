/*
 * control_ip: the control messages of IP and IPv6 that are structures, and
 * the errors of the error queue; see control_kind.h.
 *
 * ip(7), ipv6(7), RFC 3542, linux/errqueue.h.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "address/address.h"
#include "address/families.h"
#include "address/host.h"
#include "base/argument.h"
#include "base/error.h"
#include "base/field.h"
#include "message/control_kind.h"
#include "socket/zerocopy.h"

#ifdef __linux__

#include <linux/errqueue.h>

static void set_host(lua_State *L, const char *name, int family,
                     const void *bytes)
{
    host_push(L, family, bytes);
    lua_setfield(L, -2, name);
}

/* Read the field `address` of the table on top; it is all zero if absent. */
static void check_address(lua_State *L, const struct control_writer *w,
                          int family, struct host *host)
{
    memset(host, 0, sizeof *host);
    if (lua_getfield(L, -1, "address") != LUA_TNIL)
        host_check(L, w->arg, "address", family, host);
    lua_pop(L, 1);
}

/* ---- pktinfo ---- */

/* `destination` is accepted and ignored, so that a received table can be
 * sent. */
static const char *const pktinfo_fields[] = {
    "ifindex", "interface", "address", "destination", NULL,
};

static void check_pktinfo(lua_State *L, struct control_writer *w,
                          const struct control_kind *kind)
{
    struct in_pktinfo info;
    struct host host;

    memset(&info, 0, sizeof info);
    field_check_names(L, w->arg, lua_gettop(L), pktinfo_fields);
    check_address(L, w, AF_INET, &host);
    info.ipi_spec_dst = host.in;
    info.ipi_ifindex = (int)control_interface(L, w);
    control_append(L, w, kind->level, kind->number, &info, sizeof info);
}

static const char *push_pktinfo(lua_State *L, const struct control_reader *r,
                                const struct control_kind *kind,
                                unsigned char *data, size_t length)
{
    struct in_pktinfo info;

    (void)length;
    memcpy(&info, data, sizeof info);
    lua_createtable(L, 0, 4);
    control_set_interface(L, r, (unsigned)info.ipi_ifindex);
    set_host(L, "address", AF_INET, &info.ipi_spec_dst);
    set_host(L, "destination", AF_INET, &info.ipi_addr);
    return kind->name;
}

const struct control_type control_pktinfo = {
    .size = sizeof(struct in_pktinfo),
    .check = check_pktinfo,
    .push = push_pktinfo,
};

static void check_pktinfo6(lua_State *L, struct control_writer *w,
                           const struct control_kind *kind)
{
    struct in6_pktinfo info;
    struct host host;

    memset(&info, 0, sizeof info);
    field_check_names(L, w->arg, lua_gettop(L), pktinfo_fields);
    check_address(L, w, AF_INET6, &host);
    info.ipi6_addr = host.in6;
    info.ipi6_ifindex = control_interface(L, w);
    control_append(L, w, kind->level, kind->number, &info, sizeof info);
}

/* IPv6 reports only the destination, which is also the local address unless it
 * is a multicast group. */
static const char *push_pktinfo6(lua_State *L, const struct control_reader *r,
                                 const struct control_kind *kind,
                                 unsigned char *data, size_t length)
{
    struct in6_pktinfo info;

    (void)length;
    memcpy(&info, data, sizeof info);
    lua_createtable(L, 0, 4);
    control_set_interface(L, r, info.ipi6_ifindex);
    if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
        set_host(L, "address", AF_INET6, &info.ipi6_addr);
    set_host(L, "destination", AF_INET6, &info.ipi6_addr);
    return kind->name;
}

const struct control_type control_pktinfo6 = {
    .size = sizeof(struct in6_pktinfo),
    .check = check_pktinfo6,
    .push = push_pktinfo6,
};

/* ---- addresses ---- */

static const char *push_address(lua_State *L, const struct control_reader *r,
                                const struct control_kind *kind,
                                unsigned char *data, size_t length)
{
    struct sockaddr_storage name;

    (void)r;
    if (length > sizeof name)
        length = sizeof name;
    memcpy(&name, data, length);
    address_push(L, (const struct sockaddr *)&name, (socklen_t)length);
    return kind->name;
}

const struct control_type control_address = {
    .size = sizeof(struct sockaddr_in),
    .push = push_address,
};

static const char *push_mtuinfo(lua_State *L, const struct control_reader *r,
                                const struct control_kind *kind,
                                unsigned char *data, size_t length)
{
    struct ip6_mtuinfo info;

    (void)r;
    (void)length;
    memcpy(&info, data, sizeof info);
    lua_createtable(L, 0, 2);
    address_push(L, (const struct sockaddr *)&info.ip6m_addr,
                 sizeof info.ip6m_addr);
    lua_setfield(L, -2, "address");
    field_set_integer(L, "mtu", info.ip6m_mtu);
    return kind->name;
}

const struct control_type control_mtuinfo = {
    .size = sizeof(struct ip6_mtuinfo),
    .push = push_mtuinfo,
};

/* ---- recverr: reports from the error queue ---- */

/* clang-format off */
static const struct name origin_rows[] = {
    {"none", SO_EE_ORIGIN_NONE}, {"local", SO_EE_ORIGIN_LOCAL},
    {"icmp", SO_EE_ORIGIN_ICMP}, {"icmp6", SO_EE_ORIGIN_ICMP6},
    {"timestamping", SO_EE_ORIGIN_TIMESTAMPING},
    {"zerocopy", SO_EE_ORIGIN_ZEROCOPY}, {"txtime", SO_EE_ORIGIN_TXTIME},
    {NULL, 0},
};

static const struct name stage_rows[] = {
    {"snd", SCM_TSTAMP_SND}, {"sched", SCM_TSTAMP_SCHED},
    {"ack", SCM_TSTAMP_ACK}, {"completion", 3},
    {NULL, 0},
};
/* clang-format on */

static const struct names origin_names = {
    "origin", {"SO_EE_ORIGIN_", NULL}, origin_rows};
static const struct names stage_names = {
    "stage", {"SCM_TSTAMP_", NULL}, stage_rows};

/* Return how many bytes a whole address has. */
static size_t address_size(int family)
{
    return family == AF_INET6 ? sizeof(struct sockaddr_in6)
                              : offsetof(struct sockaddr_in, sin_zero);
}

/* Set the sender of the report, whose address follows the error; AF_UNSPEC:
 * none is known. An address cut by the end of the buffer is left out. */
static void set_offender(lua_State *L, const unsigned char *data, size_t length)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};

    length -= sizeof(struct sock_extended_err);
    if (length > sizeof name)
        length = sizeof name;
    memcpy(&name, data + sizeof(struct sock_extended_err), length);
    if (name.ss_family == AF_UNSPEC || length < address_size(name.ss_family))
        return;
    address_push(L, (const struct sockaddr *)&name, (socklen_t)length);
    lua_setfield(L, -2, "offender");
}

static const char *push_error(lua_State *L, const struct sock_extended_err *e,
                              const unsigned char *data, size_t length)
{
    lua_createtable(L, 0, 8);
    field_set_integer(L, "errno", e->ee_errno);
    field_set_string(L, "name", error_errno_name((int)e->ee_errno));
    field_set_name(L, "origin", &origin_names, e->ee_origin);
    field_set_integer(L, "type", e->ee_type);
    field_set_integer(L, "code", e->ee_code);
    field_set_integer(L, "info", e->ee_info);
    field_set_integer(L, "data", e->ee_data);
    set_offender(L, data, length);
    return "recverr";
}

static const char *push_zerocopy(lua_State *L, const struct socket *s,
                                 const struct sock_extended_err *e)
{
    bool copied = e->ee_code & SO_EE_CODE_ZEROCOPY_COPIED;

    zerocopy_completed(L, s, e->ee_info, e->ee_data, copied);
    lua_createtable(L, 0, 3);
    field_set_integer(L, "low", e->ee_info);
    field_set_integer(L, "high", e->ee_data);
    field_set_boolean(L, "copied", copied);
    return "zerocopy";
}

/* Add the stage to `timestamping`: a control message before this one has set
 * the times. */
static const char *push_stage(lua_State *L, const struct control_reader *r,
                              const struct sock_extended_err *e)
{
    static const char name[] = "timestamping";

    if (lua_getfield(L, r->table, name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 4);
    }
    field_set_integer(L, "id", e->ee_data);
    field_set_name(L, "stage", &stage_names, e->ee_info);
    return name;
}

static const char *push_recverr(lua_State *L, const struct control_reader *r,
                                const struct control_kind *kind,
                                unsigned char *data, size_t length)
{
    struct sock_extended_err e;

    (void)kind;
    memcpy(&e, data, sizeof e);
    switch (e.ee_origin) {
    case SO_EE_ORIGIN_ZEROCOPY:
        return push_zerocopy(L, r->socket, &e);
    case SO_EE_ORIGIN_TIMESTAMPING:
        return push_stage(L, r, &e);
    default:
        return push_error(L, &e, data, length);
    }
}

const struct control_type control_recverr = {
    .size = sizeof(struct sock_extended_err),
    .push = push_recverr,
    .joins = true,
};

#endif
