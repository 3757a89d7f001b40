/*
 * type: the types of options with plain values; see type.h.
 *
 * socket(7), ip(7), ipv6(7) and tcp(7) give each option's type and unit. A
 * number that does not fit raises; it is never truncated.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "address/address.h"
#include "address/protocol.h"
#include "base/argument.h"
#include "base/error.h"
#include "base/text.h"
#include "option/type.h"
#include "socket/argument.h"
#include "socket/socket.h"

#define LONGEST_NAME 15  /* IFNAMSIZ, TCP_CA_NAME_MAX and TCP_ULP_NAME_MAX */
#define MOST_SECONDS 1e9 /* a time-out that any time_t holds */

static struct option_data number_data(union option_value *value, int number)
{
    value->number = number;
    return (struct option_data){&value->number, sizeof value->number};
}

/* Return an int; some systems write small options as a single byte. */
static int read_number(const union option_value *value, socklen_t length)
{
    return length == 1 ? value->bytes[0] : value->number;
}

/* ---- bool, int, uint, size, octet ---- */

static struct option_data check_bool(lua_State *L, int arg,
                                     const struct option_type *type,
                                     union option_value *value)
{
    (void)type;
    luaL_checktype(L, arg, LUA_TBOOLEAN);
    return number_data(value, lua_toboolean(L, arg));
}

static void push_bool(lua_State *L, const struct option_type *type,
                      const union option_value *value, socklen_t length)
{
    (void)type;
    lua_pushboolean(L, read_number(value, length) != 0);
}

static struct option_data check_int(lua_State *L, int arg,
                                    const struct option_type *type,
                                    union option_value *value)
{
    return number_data(value,
                       (int)field_check_range(L, arg, type->low, type->high));
}

static void push_int(lua_State *L, const struct option_type *type,
                     const union option_value *value, socklen_t length)
{
    int number = read_number(value, length);

    lua_pushinteger(L, type->low < 0 ? number : (lua_Integer)(unsigned)number);
}

const struct option_type option_bool = {
    .name = "bool",
    .size = sizeof(int),
    .check = check_bool,
    .push = push_bool,
};

const struct option_type option_int = {
    .name = "int",
    .size = sizeof(int),
    .check = check_int,
    .push = push_int,
    .low = INT32_MIN,
    .high = INT32_MAX,
};

const struct option_type option_uint = {
    .name = "uint",
    .size = sizeof(int),
    .check = check_int,
    .push = push_int,
    .high = UINT32_MAX,
};

/* Negative sizes are refused: the kernel takes them for the largest. */
const struct option_type option_size = {
    .name = "size",
    .size = sizeof(int),
    .check = check_int,
    .push = push_int,
    .high = INT32_MAX,
};

/* Larger numbers are refused: the kernel cuts IP_TOS to eight bits. */
const struct option_type option_octet = {
    .name = "octet",
    .size = sizeof(int),
    .check = check_int,
    .push = push_int,
    .high = UINT8_MAX,
};

/* UDP-Lite. Larger numbers are refused: the kernel cuts them to 16 bits. */
const struct option_type option_coverage = {
    .name = "int",
    .size = sizeof(int),
    .check = check_int,
    .push = push_int,
    .high = UINT16_MAX,
};

/* ---- word, counter: 64 bits where the system has them ---- */

static struct option_data check_word(lua_State *L, int arg,
                                     const struct option_type *type,
                                     union option_value *value)
{
    lua_Integer number = field_check_range(L, arg, type->low, type->high);

    value->word = number < 0 ? ~0UL : (unsigned long)number;
    luaL_argcheck(L, number < 0 || value->word == (lua_Unsigned)number, arg,
                  "number out of the range of the system's words");
    return (struct option_data){&value->word, sizeof value->word};
}

static void push_word(lua_State *L, const struct option_type *type,
                      const union option_value *value, socklen_t length)
{
    (void)type;
    if (length == sizeof value->pair)
        lua_pushinteger(L, (lua_Integer)value->pair);
    else if (value->numbers[0] == UINT32_MAX)
        lua_pushinteger(L, -1);
    else
        lua_pushinteger(L, value->numbers[0]);
}

const struct option_type option_word = {
    .name = "word",
    .size = sizeof(unsigned long),
    .check = check_word,
    .push = push_word,
    .low = -1, /* every bit */
    .high = LUA_MAXINTEGER,
};

const struct option_type option_counter = {
    .name = "counter",
    .size = sizeof(uint64_t),
    .push = push_word,
};

/* For vsock, whose options have 64 bits on every system. */
static struct option_data check_wide(lua_State *L, int arg,
                                     const struct option_type *type,
                                     union option_value *value)
{
    value->pair = (uint64_t)field_check_range(L, arg, type->low, type->high);
    return (struct option_data){&value->pair, sizeof value->pair};
}

const struct option_type option_wide = {
    .name = "counter",
    .size = sizeof(uint64_t),
    .check = check_wide,
    .push = push_word,
    .high = LUA_MAXINTEGER,
};

/* ---- seconds, linger ---- */

static struct option_data check_seconds(lua_State *L, int arg,
                                        const struct option_type *type,
                                        union option_value *value)
{
    lua_Number seconds = luaL_checknumber(L, arg);
    lua_Number whole = floor(seconds);

    (void)type;
    luaL_argcheck(L, seconds >= 0 && seconds <= MOST_SECONDS, arg,
                  "seconds out of range (0 to 1e9)");
    value->time.tv_sec = (time_t)whole;
    value->time.tv_usec = (suseconds_t)ceil((seconds - whole) * 1e6);
    if (value->time.tv_usec == 1000000) {
        value->time.tv_sec++;
        value->time.tv_usec = 0;
    }
    return (struct option_data){&value->time, sizeof value->time};
}

static void push_seconds(lua_State *L, const struct option_type *type,
                         const union option_value *value, socklen_t length)
{
    (void)type;
    (void)length;
    lua_pushnumber(L, (lua_Number)value->time.tv_sec +
                          (lua_Number)value->time.tv_usec / 1e6);
}

const struct option_type option_seconds = {
    .name = "seconds",
    .size = sizeof(struct timeval),
    .check = check_seconds,
    .push = push_seconds,
};

static struct option_data check_linger(lua_State *L, int arg,
                                       const struct option_type *type,
                                       union option_value *value)
{
    (void)type;
    value->linger = (struct linger){0};
    if (!lua_isboolean(L, arg)) {
        value->linger.l_onoff = 1;
        value->linger.l_linger = (int)field_check_range(L, arg, 0, INT32_MAX);
    } else if (lua_toboolean(L, arg)) {
        luaL_argerror(L, arg, "number of seconds or false expected, got true");
    }
    return (struct option_data){&value->linger, sizeof value->linger};
}

static void push_linger(lua_State *L, const struct option_type *type,
                        const union option_value *value, socklen_t length)
{
    (void)type;
    (void)length;
    if (value->linger.l_onoff)
        lua_pushinteger(L, value->linger.l_linger);
    else
        lua_pushboolean(L, false);
}

const struct option_type option_linger = {
    .name = "linger",
    .size = sizeof(struct linger),
    .check = check_linger,
    .push = push_linger,
};

/* ---- string, label, bytes ---- */

static struct option_data check_string(lua_State *L, int arg,
                                       const struct option_type *type,
                                       union option_value *value)
{
    const char *text = text_check(L, arg, "string");
    size_t length = (size_t)lua_rawlen(L, arg);

    (void)type;
    (void)value;
    luaL_argcheck(L, length <= LONGEST_NAME, arg,
                  "string too long (at most 15 bytes)");
    return (struct option_data){text, (socklen_t)length};
}

/* Push the string up to its first zero byte; padding follows. */
static void push_string(lua_State *L, const struct option_type *type,
                        const union option_value *value, socklen_t length)
{
    (void)type;
    lua_pushlstring(L, (const char *)value->bytes,
                    strnlen((const char *)value->bytes, length));
}

const struct option_type option_string = {
    .name = "string",
    .size = OPTION_BYTES,
    .check = check_string,
    .push = push_string,
};

/* SO_BINDTODEVICE: an empty name, like "*", unbinds. */
static struct option_data check_device(lua_State *L, int arg,
                                       const struct option_type *type,
                                       union option_value *value)
{
    struct option_data data = check_string(L, arg, type, value);

    if (strcmp(data.bytes, "*") == 0)
        data.length = 0;
    return data;
}

const struct option_type option_device = {
    .name = "string",
    .size = OPTION_BYTES,
    .check = check_device,
    .push = push_string,
};

const struct option_type option_label = {
    .name = "label",
    .size = OPTION_BYTES,
    .push = push_string,
};

static struct option_data check_bytes(lua_State *L, int arg,
                                      const struct option_type *type,
                                      union option_value *value)
{
    size_t length;
    const char *bytes = luaL_checklstring(L, arg, &length);

    (void)type;
    (void)value;
    luaL_argcheck(L, length <= INT32_MAX, arg, "string too long");
    return (struct option_data){bytes, (socklen_t)length};
}

static void push_bytes(lua_State *L, const struct option_type *type,
                       const union option_value *value, socklen_t length)
{
    (void)type;
    lua_pushlstring(L, (const char *)value->bytes, length);
}

const struct option_type option_bytes = {
    .name = "bytes",
    .size = OPTION_BYTES,
    .check = check_bytes,
    .push = push_bytes,
};

/* ---- the system's constants by name ---- */

static void push_error(lua_State *L, const struct option_type *type,
                       const union option_value *value, socklen_t length)
{
    int error = read_number(value, length);
    const char *name = error_errno_name(error);

    (void)type;
    if (error == 0)
        lua_pushnil(L);
    else if (name != NULL)
        lua_pushstring(L, name);
    else
        lua_pushinteger(L, error);
}

const struct option_type option_error = {
    .name = "error",
    .size = sizeof(int),
    .push = push_error,
};

struct option_data option_check_constant(lua_State *L, int arg,
                                         const struct option_type *type,
                                         union option_value *value)
{
    return number_data(value, (int)names_check(L, arg, type->names));
}

void option_push_constant(lua_State *L, const struct option_type *type,
                          const union option_value *value, socklen_t length)
{
    names_push(L, type->names, read_number(value, length));
}

const struct option_type option_family = {
    .name = "family",
    .size = sizeof(int),
    .push = option_push_constant,
    .names = &address_family_names,
};

const struct option_type option_socket_type = {
    .name = "type",
    .size = sizeof(int),
    .push = option_push_constant,
    .names = &socket_type_names,
};

/* Name the protocol as the socket's family does. The socket is at index 1, as
 * getsockopt's first argument. */
static void push_protocol(lua_State *L, const struct option_type *type,
                          const union option_value *value, socklen_t length)
{
    const struct socket *s = socket_check_within(L, 1, "getsockopt");

    (void)type;
    names_push(L, protocol_names_of(s->family), read_number(value, length));
}

const struct option_type option_protocol = {
    .name = "protocol",
    .size = sizeof(int),
    .push = push_protocol,
};

static struct option_data check_option_flags(lua_State *L, int arg,
                                             const struct option_type *type,
                                             union option_value *value)
{
    luaL_checkany(L, arg);
    luaL_argcheck(L, !lua_isnil(L, arg), arg, "string or integer expected");
    return number_data(value, names_flags(L, arg, type->names));
}

void option_push_flag_names(lua_State *L, const struct names *names,
                            lua_Integer flags)
{
    lua_Integer rest = flags;
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    for (const struct name *row = names->rows; row->text; row++) {
        if ((rest & row->value) == 0)
            continue;
        if (rest != flags)
            luaL_addchar(&b, ' ');
        luaL_addstring(&b, row->text);
        rest &= ~row->value;
    }
    luaL_pushresult(&b);
    if (rest != 0) {
        lua_pop(L, 1);
        lua_pushinteger(L, flags);
    }
}

static void push_flags(lua_State *L, const struct option_type *type,
                       const union option_value *value, socklen_t length)
{
    option_push_flag_names(L, type->names,
                           (unsigned)read_number(value, length));
}

/* clang-format off */
#ifdef __linux__
static const struct name discovery_rows[] = {
    {"dont", IP_PMTUDISC_DONT}, {"want", IP_PMTUDISC_WANT},
    {"do", IP_PMTUDISC_DO}, {"probe", IP_PMTUDISC_PROBE},
    {"interface", IP_PMTUDISC_INTERFACE}, {"omit", IP_PMTUDISC_OMIT},
    {NULL, 0},
};

/* IPV6_PREFER_SRC_… of linux/in6.h, which conflicts with netinet/in.h. */
static const struct name preferences_rows[] = {
    {"tmp", 0x0001}, {"public", 0x0002}, {"pubtmp_default", 0x0100},
    {"coa", 0x0004}, {"home", 0x0400}, {"cga", 0x0008}, {"noncga", 0x0800},
    {NULL, 0},
};

/* From linux/net_tstamp.h, where they are enumerators: #ifdef cannot test for
 * them. */
static const struct name timestamping_rows[] = {
    {"tx_hardware", 1 << 0}, {"tx_software", 1 << 1}, {"rx_hardware", 1 << 2},
    {"rx_software", 1 << 3}, {"software", 1 << 4}, {"sys_hardware", 1 << 5},
    {"raw_hardware", 1 << 6}, {"opt_id", 1 << 7}, {"tx_sched", 1 << 8},
    {"tx_ack", 1 << 9}, {"opt_cmsg", 1 << 10}, {"opt_tsonly", 1 << 11},
    {"opt_stats", 1 << 12}, {"opt_pktinfo", 1 << 13},
    {"opt_tx_swhw", 1 << 14}, {"bind_phc", 1 << 15}, {"opt_id_tcp", 1 << 16},
    {"opt_rx_filter", 1 << 17}, {"tx_completion", 1 << 18},
    {NULL, 0},
};
/* clang-format on */

static const struct names discovery_names = {
    "discovery mode", {"IP_PMTUDISC_", "IPV6_PMTUDISC_"}, discovery_rows};
static const struct names preferences_names = {
    "address preference", {"IPV6_PREFER_SRC_", NULL}, preferences_rows};
static const struct names timestamping_names = {
    "timestamping flag", {"SOF_TIMESTAMPING_", NULL}, timestamping_rows};

const struct option_type option_discovery = {
    .name = "discovery",
    .size = sizeof(int),
    .check = option_check_constant,
    .push = option_push_constant,
    .names = &discovery_names,
};

const struct option_type option_preferences = {
    .name = "flags",
    .size = sizeof(int),
    .check = check_option_flags,
    .push = push_flags,
    .names = &preferences_names,
};

const struct option_type option_timestamping = {
    .name = "flags",
    .size = sizeof(int),
    .check = check_option_flags,
    .push = push_flags,
    .names = &timestamping_names,
};
#endif
