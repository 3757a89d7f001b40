/*
 * packet: the types that only options of packet sockets have; see type.h.
 *
 * packet(7), linux/if_packet.h, and Documentation/networking/packet_mmap.rst of
 * the kernel for fanout.
 */
#include "base/argument.h"
#include "option/struct.h"
#include "option/type.h"

#ifdef __linux__

#include <stdbool.h>
#include <string.h>

#include "base/kernel.h"
#include "base/octets.h"
#include "option/interface.h"

/* clang-format off */
static const struct name membership_rows[] = {
    {"multicast", PACKET_MR_MULTICAST}, {"promisc", PACKET_MR_PROMISC},
    {"allmulti", PACKET_MR_ALLMULTI}, {"unicast", PACKET_MR_UNICAST},
    {NULL, 0},
};

static const struct name fanout_rows[] = {
    {"hash", PACKET_FANOUT_HASH}, {"lb", PACKET_FANOUT_LB},
    {"cpu", PACKET_FANOUT_CPU}, {"rollover", PACKET_FANOUT_ROLLOVER},
    {"rnd", PACKET_FANOUT_RND}, {"qm", PACKET_FANOUT_QM},
    {"cbpf", PACKET_FANOUT_CBPF}, {"ebpf", PACKET_FANOUT_EBPF},
    {NULL, 0},
};

static const struct name fanout_flag_rows[] = {
    {"rollover", PACKET_FANOUT_FLAG_ROLLOVER},
    {"uniqueid", PACKET_FANOUT_FLAG_UNIQUEID},
    {"ignore_outgoing", PACKET_FANOUT_FLAG_IGNORE_OUTGOING},
    {"defrag", PACKET_FANOUT_FLAG_DEFRAG},
    {NULL, 0},
};

static const struct name version_rows[] = {
    {"v1", TPACKET_V1}, {"v2", TPACKET_V2}, {"v3", TPACKET_V3},
    {NULL, 0},
};
/* clang-format on */

static const struct names membership_names = {
    "kind of membership", {"PACKET_MR_", NULL}, membership_rows};
static const struct names fanout_names = {
    "kind of fanout", {"PACKET_FANOUT_", NULL}, fanout_rows};
static const struct names fanout_flag_names = {
    "fanout flag", {"PACKET_FANOUT_FLAG_", NULL}, fanout_flag_rows};
static const struct names version_names = {
    "packet version", {"TPACKET_", NULL}, version_rows};

/* Read a field of the table at `arg`: a name, or a number up to `high`. */
static uint32_t check_name_field(lua_State *L, int arg, const char *field,
                                 const struct names *names, lua_Integer high)
{
    lua_Integer value = field_opt_name(L, arg, arg, field, names, high, -1);

    if (value < 0)
        field_argerror(L, arg, field, "name expected");
    return (uint32_t)value;
}

/* ---- memberships: {interface =, type =, address =} ---- */

static struct option_data check_membership(lua_State *L, int arg,
                                           const struct option_type *type,
                                           union option_value *value)
{
    static const char *const fields[] = {"interface", "type", "address", NULL};
    struct packet_mreq request;
    struct link link;

    (void)type;
    memset(&request, 0, sizeof request);
    check_fields(L, arg, fields);
    request.mr_type = (unsigned short)check_name_field(
        L, arg, "type", &membership_names, UINT16_MAX);
    request.mr_alen = (unsigned short)octets_check(L, arg, request.mr_address,
                                                   sizeof request.mr_address);
    interface_check_field(L, arg, &link);
    request.mr_ifindex = (int)interface_index(L, arg, "interface", &link);
    memcpy(value->bytes, &request, sizeof request);
    return (struct option_data){value->bytes, sizeof request};
}

const struct option_type option_packet_mreq = {
    .name = "packet_mreq",
    .check = check_membership,
};

/* ---- fanout: {id =, type =, flags =, max_num_members =} ---- */

static uint32_t check_flags(lua_State *L, int arg)
{
    uint32_t flags;

    flags = (uint32_t)field_flags(L, arg, arg, "flags", &fanout_flag_names);
    if ((flags & ~0xff00U) != 0)
        field_argerror(L, arg, "flags", "unknown fanout flag");
    return flags;
}

/* Return the group's id: 0 with "uniqueid", where the kernel chooses it. */
static uint32_t check_id(lua_State *L, int arg, uint32_t flags)
{
    bool is_absent = lua_getfield(L, arg, "id") == LUA_TNIL;

    lua_pop(L, 1);
    if (is_absent && (flags & PACKET_FANOUT_FLAG_UNIQUEID))
        return 0;
    return (uint32_t)check_number_field(L, arg, "id", 0, UINT16_MAX);
}

static struct option_data check_fanout(lua_State *L, int arg,
                                       const struct option_type *type,
                                       union option_value *value)
{
    static const char *const fields[] = {"id", "type", "flags",
                                         "max_num_members", NULL};
    uint32_t kind;
    uint32_t flags;
    bool is_limited;

    (void)type;
    check_fields(L, arg, fields);
    kind = check_name_field(L, arg, "type", &fanout_names, UINT8_MAX);
    flags = check_flags(L, arg);
    value->numbers[0] = check_id(L, arg, flags) | (kind | flags) << 16;
    is_limited = lua_getfield(L, arg, "max_num_members") != LUA_TNIL;
    lua_pop(L, 1);
    if (!is_limited)
        return (struct option_data){value->numbers, sizeof *value->numbers};
    value->numbers[1] = (uint32_t)check_number_field(L, arg, "max_num_members",
                                                     1, UINT16_MAX + 1);
    return (struct option_data){value->numbers, 2 * sizeof *value->numbers};
}

static void push_fanout(lua_State *L, const struct option_type *type,
                        const union option_value *value, socklen_t length)
{
    uint32_t number = value->numbers[0];

    (void)type;
    (void)length;
    lua_createtable(L, 0, 3);
    field_set_integer(L, "id", number & UINT16_MAX);
    field_set_name(L, "type", &fanout_names, number >> 16 & UINT8_MAX);
    option_push_flag_names(L, &fanout_flag_names, number >> 16 & 0xff00U);
    lua_setfield(L, -2, "flags");
}

const struct option_type option_fanout = {
    .name = "fanout",
    .size = sizeof(uint32_t),
    .check = check_fanout,
    .push = push_fanout,
};

/* ---- statistics: reading them resets them ---- */

static const struct info_field statistics_fields[] = {
    {"packets", offsetof(struct tpacket_stats_v3, tp_packets), 4},
    {"drops", offsetof(struct tpacket_stats_v3, tp_drops), 4},
    {"freeze_q_cnt", offsetof(struct tpacket_stats_v3, tp_freeze_q_cnt), 4},
    {NULL, 0, 0},
};

const struct option_type option_statistics = {
    .name = "packet_stats",
    .size = sizeof(struct tpacket_stats_v3),
    .push = option_push_info,
    .fields = statistics_fields,
};

static const struct info_field rollover_fields[] = {
    {"all", offsetof(struct tpacket_rollover_stats, tp_all), 8},
    {"huge", offsetof(struct tpacket_rollover_stats, tp_huge), 8},
    {"failed", offsetof(struct tpacket_rollover_stats, tp_failed), 8},
    {NULL, 0, 0},
};

const struct option_type option_rollover = {
    .name = "rollover_stats",
    .size = sizeof(struct tpacket_rollover_stats),
    .push = option_push_info,
    .fields = rollover_fields,
};

const struct option_type option_version = {
    .name = "packet_version",
    .size = sizeof(int),
    .check = option_check_constant,
    .push = option_push_constant,
    .names = &version_names,
};

#endif
