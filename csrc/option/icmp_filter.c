/*
 * icmp_filter: the filters of raw sockets; see type.h.
 *
 * raw(7), RFC 3542 section 3.2. The kernel's bit set holds the ICMP types to
 * block; a script lists the types that pass.
 */
#include <stdbool.h>
#include <string.h>

#include "base/argument.h"
#include "option/type.h"

#ifdef __linux__

#define ICMP_TYPES 32 /* the kernel never blocks higher types */
#define ICMP6_TYPES 256

/* clang-format off */
static const struct name icmp_rows[] = {
    {"echoreply", 0}, {"dest_unreach", 3}, {"source_quench", 4},
    {"redirect", 5}, {"echo", 8}, {"router_advert", 9},
    {"router_solicit", 10}, {"time_exceeded", 11}, {"parameterprob", 12},
    {"timestamp", 13}, {"timestampreply", 14}, {"info_request", 15},
    {"info_reply", 16}, {"address", 17}, {"addressreply", 18},
    {NULL, 0},
};

static const struct name icmp6_rows[] = {
    {"dst_unreach", 1}, {"packet_too_big", 2}, {"time_exceeded", 3},
    {"param_prob", 4}, {"echo_request", 128}, {"echo_reply", 129},
    {"mld_listener_query", 130}, {"mld_listener_report", 131},
    {"mld_listener_reduction", 132}, {"nd_router_solicit", 133},
    {"nd_router_advert", 134}, {"nd_neighbor_solicit", 135},
    {"nd_neighbor_advert", 136}, {"nd_redirect", 137},
    {"mldv2_listener_report", 143},
    {NULL, 0},
};
/* clang-format on */

static const struct names icmp_names = {
    "type of ICMP", {"ICMP_", NULL}, icmp_rows};
static const struct names icmp6_names = {
    "type of ICMPv6", {"ICMP6_", "ICMPV6_"}, icmp6_rows};

/* Return the ICMP type on top of the stack, a name or a number. */
static uint32_t check_icmp_type(lua_State *L, int arg,
                                const struct option_type *type)
{
    lua_Integer number;

    if (!names_read(L, -1, type->names, &number))
        luaL_argerror(L, arg, lua_tostring(L, -1));
    if (number > type->high) {
        lua_pushfstring(L, "type out of range (0 to %d)", (int)type->high);
        luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    return (uint32_t)number;
}

static struct option_data check_icmp_filter(lua_State *L, int arg,
                                            const struct option_type *type,
                                            union option_value *value)
{
    uint32_t number;

    luaL_checktype(L, arg, LUA_TTABLE);
    memset(value->bytes, 0xff, type->size);
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        luaL_argcheck(L, lua_isinteger(L, -2), arg,
                      "list of types expected, got named fields");
        number = check_icmp_type(L, arg, type);
        value->numbers[number / 32] &= ~(UINT32_C(1) << number % 32);
        lua_pop(L, 1);
    }
    return (struct option_data){value->bytes, type->size};
}

static void push_icmp_filter(lua_State *L, const struct option_type *type,
                             const union option_value *value, socklen_t length)
{
    lua_Integer types = (lua_Integer)length * 8;
    int count = 0;

    lua_newtable(L);
    for (lua_Integer i = 0; i < types; i++) {
        if (value->numbers[i / 32] & UINT32_C(1) << i % 32)
            continue;
        names_push(L, type->names, i);
        lua_rawseti(L, -2, ++count);
    }
}

const struct option_type option_icmp_filter = {
    .name = "icmp_filter",
    .size = ICMP_TYPES / 8,
    .check = check_icmp_filter,
    .push = push_icmp_filter,
    .high = ICMP_TYPES - 1,
    .names = &icmp_names,
};

const struct option_type option_icmp6_filter = {
    .name = "icmp_filter",
    .size = ICMP6_TYPES / 8,
    .check = check_icmp_filter,
    .push = push_icmp_filter,
    .high = ICMP6_TYPES - 1,
    .names = &icmp6_names,
};

#endif
