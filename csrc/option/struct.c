/*
 * struct: the options whose values are structures; see struct.h and type.h.
 *
 * A structure is a table with the field names of its manual page, socket(7),
 * unix(7) or ip(7), without their prefix.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/families.h"
#include "base/argument.h"
#include "option/struct.h"
#include "option/type.h"

/* ---- structures of numbers that the kernel reports ---- */

static lua_Integer read_field(const unsigned char *bytes, size_t size)
{
    uint16_t half;
    uint32_t word;
    uint64_t pair;

    switch (size) {
    case sizeof half:
        memcpy(&half, bytes, size);
        return half;
    case sizeof word:
        memcpy(&word, bytes, size);
        return word;
    case sizeof pair:
        memcpy(&pair, bytes, size);
        return (lua_Integer)pair;
    default:
        return *bytes;
    }
}

void option_set_info_fields(lua_State *L, const struct info_field *row,
                            const unsigned char *bytes, socklen_t length)
{
    for (; row->name; row++) {
        if (row->offset + row->size > length)
            continue;
        field_set_integer(L, row->name,
                          read_field(bytes + row->offset, row->size));
    }
}

void option_push_info(lua_State *L, const struct option_type *type,
                      const union option_value *value, socklen_t length)
{
    lua_newtable(L);
    option_set_info_fields(L, type->fields, value->bytes, length);
}

/* ---- address ---- */

static void push_address(lua_State *L, const struct option_type *type,
                         const union option_value *value, socklen_t length)
{
    (void)type;
    address_push(L, (const struct sockaddr *)&value->address, length);
}

const struct option_type option_address = {
    .name = "address",
    .size = sizeof(struct sockaddr_storage),
    .push = push_address,
};

#ifdef __linux__

/* ---- ucred, groups ---- */

static void push_ucred(lua_State *L, const struct option_type *type,
                       const union option_value *value, socklen_t length)
{
    struct ucred credentials;

    (void)type;
    (void)length;
    memcpy(&credentials, value->bytes, sizeof credentials);
    lua_createtable(L, 0, 3);
    field_set_integer(L, "pid", credentials.pid);
    field_set_integer(L, "uid", (uid_t)credentials.uid);
    field_set_integer(L, "gid", (gid_t)credentials.gid);
}

const struct option_type option_ucred = {
    .name = "ucred",
    .size = sizeof(struct ucred),
    .push = push_ucred,
};

static void push_groups(lua_State *L, const struct option_type *type,
                        const union option_value *value, socklen_t length)
{
    const unsigned char *bytes = value->bytes;
    int count = (int)(length / sizeof(gid_t));

    (void)type;
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        gid_t gid;

        memcpy(&gid, bytes + (size_t)i * sizeof gid, sizeof gid);
        lua_pushinteger(L, gid);
        lua_rawseti(L, -2, i + 1);
    }
}

const struct option_type option_groups = {
    .name = "groups",
    .size = OPTION_BYTES,
    .push = push_groups,
};

/* ---- memberships: a bit for each multicast group ---- */

static void push_memberships(lua_State *L, const struct option_type *type,
                             const union option_value *value, socklen_t length)
{
    const unsigned char *bytes = value->bytes;
    lua_Integer bits = (lua_Integer)(length / sizeof(uint32_t)) * 32;
    lua_Integer count = 0;

    (void)type;
    lua_newtable(L);
    for (lua_Integer bit = 0; bit < bits; bit++) {
        uint32_t word;

        memcpy(&word, bytes + bit / 32 * 4, sizeof word);
        if (!(word >> bit % 32 & 1))
            continue;
        lua_pushinteger(L, bit + 1);
        lua_rawseti(L, -2, ++count);
    }
}

const struct option_type option_memberships = {
    .name = "memberships",
    .size = OPTION_BYTES,
    .push = push_memberships,
};

/* ---- port range ---- */

static struct option_data check_port_range(lua_State *L, int arg,
                                           const struct option_type *type,
                                           union option_value *value)
{
    static const char *const fields[] = {"low", "high", NULL};
    uint32_t low;
    uint32_t high;

    (void)type;
    check_fields(L, arg, fields);
    low = (uint32_t)check_number_field(L, arg, "low", 0, UINT16_MAX);
    high = (uint32_t)check_number_field(L, arg, "high", 0, UINT16_MAX);
    luaL_argcheck(L, high == 0 || low <= high, arg,
                  "field 'low' must not be greater than field 'high'");
    value->numbers[0] = low | high << 16;
    return (struct option_data){value->numbers, sizeof value->numbers[0]};
}

static void push_port_range(lua_State *L, const struct option_type *type,
                            const union option_value *value, socklen_t length)
{
    (void)type;
    (void)length;
    lua_createtable(L, 0, 2);
    field_set_integer(L, "low", value->numbers[0] & UINT16_MAX);
    field_set_integer(L, "high", value->numbers[0] >> 16);
}

const struct option_type option_port_range = {
    .name = "port_range",
    .size = sizeof(uint32_t),
    .check = check_port_range,
    .push = push_port_range,
};

/* ---- meminfo ---- */

/* The order is that of linux/sock_diag.h. */
static const struct info_field meminfo_fields[] = {
    {"rmem_alloc", 0, 4}, {"rcvbuf", 4, 4},     {"wmem_alloc", 8, 4},
    {"sndbuf", 12, 4},    {"fwd_alloc", 16, 4}, {"wmem_queued", 20, 4},
    {"optmem", 24, 4},    {"backlog", 28, 4},   {"drops", 32, 4},
    {NULL, 0, 0},
};

const struct option_type option_meminfo = {
    .name = "meminfo",
    .size = 36,
    .push = option_push_info,
    .fields = meminfo_fields,
};

/* ---- txtime: struct sock_txtime, a clock and flags ---- */

static struct option_data check_txtime(lua_State *L, int arg,
                                       const struct option_type *type,
                                       union option_value *value)
{
    static const char *const fields[] = {"clockid", "flags", NULL};

    (void)type;
    check_fields(L, arg, fields);
    value->numbers[0] =
        (uint32_t)check_number_field(L, arg, "clockid", INT32_MIN, INT32_MAX);
    value->numbers[1] =
        (uint32_t)check_number_field(L, arg, "flags", 0, UINT32_MAX);
    return (struct option_data){value->numbers, 2 * sizeof *value->numbers};
}

static void push_txtime(lua_State *L, const struct option_type *type,
                        const union option_value *value, socklen_t length)
{
    (void)type;
    (void)length;
    lua_createtable(L, 0, 2);
    field_set_integer(L, "clockid", (int)value->numbers[0]);
    field_set_integer(L, "flags", value->numbers[1]);
}

const struct option_type option_txtime = {
    .name = "txtime",
    .size = 2 * sizeof(uint32_t),
    .check = check_txtime,
    .push = push_txtime,
};

/* ---- mtuinfo ---- */

static void push_mtuinfo(lua_State *L, const struct option_type *type,
                         const union option_value *value, socklen_t length)
{
    struct ip6_mtuinfo info;

    (void)type;
    (void)length;
    memcpy(&info, value->bytes, sizeof info);
    lua_pushinteger(L, info.ip6m_mtu);
}

const struct option_type option_mtuinfo = {
    .name = "mtuinfo",
    .size = sizeof(struct ip6_mtuinfo),
    .push = push_mtuinfo,
};

#endif
