/*
 * can: addresses of the CAN bus, `struct sockaddr_can`; see family.h.
 *
 * linux/can.h, linux/can/j1939.h, and networking/can.rst of the kernel. An
 * address ends after what its protocol uses of it: the interface alone; with the
 * identifiers of ISO-TP; or with what J1939 adds. The length says which.
 */
#include "address/can.h"

#ifdef __linux__

#include <linux/can.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address/ifindex.h"
#include "base/argument.h"
#include "base/field.h"
#include "base/text.h"

#define PLAIN_LENGTH offsetof(struct sockaddr_can, can_addr)
#define ISOTP_LENGTH (PLAIN_LENGTH + 8)
#define J1939_LENGTH (PLAIN_LENGTH + 16)
#define ADDR_END (PLAIN_LENGTH + 13)

/* From linux/can/j1939.h. */
#define NO_PGN 0x40000
#define NO_ADDR 0xff

static struct sockaddr_can *can_of(struct address *a)
{
    return (void *)a->bytes;
}

static const struct sockaddr_can *const_can(const struct address *a)
{
    return (const void *)a->bytes;
}

static size_t normalise_can(struct address *a)
{
    size_t family = sizeof a->any.sa_family;
    size_t interface = offsetof(struct sockaddr_can, can_ifindex);

    memset(a->bytes + family, 0, interface - family);
    if (a->length < ISOTP_LENGTH)
        return PLAIN_LENGTH;
    if (a->length < J1939_LENGTH)
        return ISOTP_LENGTH;
    memset(a->bytes + ADDR_END, 0, J1939_LENGTH - ADDR_END);
    return J1939_LENGTH;
}

/* ---- fields and the printed form ---- */

static void push_interface(lua_State *L, const struct address *a)
{
    ifindex_push_name(L, const_can(a)->can_ifindex);
}

static void push_index(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_can(a)->can_ifindex);
}

/* Push the number if the address is one of this length, else nil. */
static void push_if(lua_State *L, const struct address *a, size_t length,
                    lua_Integer number)
{
    if (a->length == length)
        lua_pushinteger(L, number);
    else
        lua_pushnil(L);
}

static void push_rx_id(lua_State *L, const struct address *a)
{
    push_if(L, a, ISOTP_LENGTH, const_can(a)->can_addr.tp.rx_id);
}

static void push_tx_id(lua_State *L, const struct address *a)
{
    push_if(L, a, ISOTP_LENGTH, const_can(a)->can_addr.tp.tx_id);
}

static void push_name(lua_State *L, const struct address *a)
{
    push_if(L, a, J1939_LENGTH, (lua_Integer)const_can(a)->can_addr.j1939.name);
}

static void push_pgn(lua_State *L, const struct address *a)
{
    push_if(L, a, J1939_LENGTH, const_can(a)->can_addr.j1939.pgn);
}

static void push_addr(lua_State *L, const struct address *a)
{
    push_if(L, a, J1939_LENGTH, const_can(a)->can_addr.j1939.addr);
}

static const struct address_field can_fields[] = {
    {"interface", push_interface}, {"ifindex", push_index},
    {"rx_id", push_rx_id},         {"tx_id", push_tx_id},
    {"name", push_name},           {"pgn", push_pgn},
    {"addr", push_addr},           {NULL, NULL},
};

static void print_can(lua_State *L, const struct address *a)
{
    const struct sockaddr_can *can = const_can(a);
    char rest[64] = "";

    if (a->length == ISOTP_LENGTH)
        snprintf(rest, sizeof rest, "/0x%x/0x%x", can->can_addr.tp.rx_id,
                 can->can_addr.tp.tx_id);
    else if (a->length == J1939_LENGTH)
        snprintf(rest, sizeof rest, "/0x%llx/0x%x/0x%x",
                 (unsigned long long)can->can_addr.j1939.name,
                 can->can_addr.j1939.pgn, can->can_addr.j1939.addr);
    lua_pushstring(L, can_family.prefix);
    ifindex_print(L, can->can_ifindex);
    lua_pushstring(L, rest);
    lua_concat(L, 3);
}

/* ---- parsing ---- */

enum { PARTS = 4, TEXT_MOST = 128 };

/* Split the text at its slashes. Returns the number of parts; 0: too many. */
static int split(char *text, const char *parts[PARTS])
{
    int count = 0;

    while (text != NULL) {
        if (count == PARTS)
            return 0;
        parts[count++] = strsep(&text, "/");
    }
    return count;
}

/* Read up to 16 digits after "0x", as a name of J1939 is printed. */
static bool parse_name(const char *text, uint64_t *name)
{
    size_t digits;

    if (strncmp(text, "0x", 2) != 0)
        return false;
    digits = strspn(text + 2, "0123456789abcdefABCDEF");
    *name = strtoull(text + 2, NULL, 16);
    return digits >= 1 && digits <= 16 && text[2 + digits] == '\0';
}

static const char *parse_isotp(struct address *a, const char *const *parts)
{
    struct sockaddr_can *can = can_of(a);

    a->length = ISOTP_LENGTH;
    return text_parse_number(parts[1], &can->can_addr.tp.rx_id) &&
                   text_parse_number(parts[2], &can->can_addr.tp.tx_id)
               ? NULL
               : "the two identifiers of ISO-TP are numbers of 32 bits";
}

static const char *parse_j1939(struct address *a, const char *const *parts)
{
    struct sockaddr_can *can = can_of(a);
    uint64_t name;
    uint32_t addr;

    a->length = J1939_LENGTH;
    if (!parse_name(parts[1], &name))
        return "the name of J1939 is hexadecimal, after 0x";
    can->can_addr.j1939.name = name;
    if (!text_parse_number(parts[2], &can->can_addr.j1939.pgn))
        return "the group of J1939 is a number of 32 bits";
    if (!text_parse_number(parts[3], &addr) || addr > UINT8_MAX)
        return "the address of J1939 is a number from 0 to 255";
    can->can_addr.j1939.addr = (uint8_t)addr;
    return NULL;
}

static const char *parse_can(lua_State *L, struct address *a, const char *text)
{
    char copy[TEXT_MOST];
    const char *parts[PARTS];
    int count = 0;

    if (strlen(text) < sizeof copy)
        count = split(strcpy(copy, text), parts);
    if (count == 0 || count == 2)
        return "an interface is expected; after it, two identifiers of "
               "ISO-TP, or name, group and address of J1939";
    if (!ifindex_parse(L, parts[0], &can_of(a)->can_ifindex))
        return "no interface has this name";
    if (count == 1)
        return NULL;
    return count == 3 ? parse_isotp(a, parts) : parse_j1939(a, parts);
}

/* ---- building ---- */

/* Read an identifier, which the kernel would cut to what its format holds. */
static canid_t check_id(lua_State *L, int arg, const char *field)
{
    canid_t id = (canid_t)field_opt_integer(L, arg, arg, field, 0,
                                            (lua_Integer)UINT32_MAX, 0);
    canid_t most = id & CAN_EFF_FLAG ? CAN_EFF_MASK : CAN_SFF_MASK;

    if ((id & ~CAN_EFF_FLAG) > most)
        field_argerror(L, arg, field,
                       id & CAN_EFF_FLAG
                           ? "an extended identifier has 29 bits"
                           : "an identifier of more than 11 bits needs "
                             "CAN_EFF_FLAG");
    return id;
}

static bool has_field(lua_State *L, int arg, const char *const *names)
{
    bool found = false;

    for (; *names != NULL && !found; names++) {
        found = lua_getfield(L, arg, *names) != LUA_TNIL;
        lua_pop(L, 1);
    }
    return found;
}

static void check_isotp(lua_State *L, int arg, struct sockaddr_can *can)
{
    can->can_addr.tp.rx_id = check_id(L, arg, "rx_id");
    can->can_addr.tp.tx_id = check_id(L, arg, "tx_id");
}

static void check_j1939(lua_State *L, int arg, struct sockaddr_can *can)
{
    can->can_addr.j1939.name = (uint64_t)field_opt_integer(
        L, arg, arg, "name", LUA_MININTEGER, LUA_MAXINTEGER, 0);
    can->can_addr.j1939.pgn =
        (uint32_t)field_opt_integer(L, arg, arg, "pgn", 0, NO_PGN, NO_PGN);
    can->can_addr.j1939.addr =
        (uint8_t)field_opt_integer(L, arg, arg, "addr", 0, NO_ADDR, NO_ADDR);
}

static void check_options(lua_State *L, int arg, struct address *a)
{
    static const char *const fields[] = {"rx_id", "tx_id", "name",
                                         "pgn",   "addr",  NULL};
    bool is_isotp;
    bool is_j1939;

    check_fields(L, arg, fields);
    is_isotp = has_field(L, arg, (const char *const[]){"rx_id", "tx_id", NULL});
    is_j1939 = has_field(L, arg, fields + 2);
    luaL_argcheck(L, !is_isotp || !is_j1939, arg,
                  "rx_id and tx_id are of ISO-TP; name, pgn and addr of J1939");
    if (is_isotp)
        check_isotp(L, arg, can_of(a));
    if (is_j1939)
        check_j1939(L, arg, can_of(a));
    a->length = is_isotp   ? ISOTP_LENGTH
                : is_j1939 ? J1939_LENGTH
                           : PLAIN_LENGTH;
}

/*** Make an address of the CAN bus (the kernel's networking/can.rst,
networking/j1939.rst).
@function can
@param[opt] interface the interface's name or index; nil, 0 or `"*"`: any
@tab[opt] options for a socket of the protocol `"isotp"`: `rx_id` and `tx_id`,
the identifiers of received and of sent frames; those of 29 bits have
`sockeye.CAN_EFF_FLAG`. For `"j1939"`: `name`, 64 bits, by default none;
`pgn`, the parameter group, by default none (`J1939_NO_PGN`); `addr`, 0 to 255,
by default none (`J1939_NO_ADDR`)
@treturn Address
@raise argument error for an interface that does not exist, or an identifier out
of range
@usage
local s <close> = sockeye.socket("can", "raw", "raw")
s:bind(sockeye.can("can0"))
local t <close> = sockeye.socket("can", "dgram", "isotp")
t:bind(sockeye.can("can0", {rx_id = 0x7e8, tx_id = 0x7e0}))
*/
static int sockeye_can(lua_State *L)
{
    struct address *a;

    lua_settop(L, 2);
    a = address_new(L);
    address_reset(a, &can_family);
    if (!lua_isnil(L, 2))
        check_options(L, 2, a);
    can_of(a)->can_ifindex = ifindex_check(L, 1);
    return 1;
}

/* Return whether the address is for any interface. */
static bool is_any(const struct address *a)
{
    return const_can(a)->can_ifindex == 0;
}

static void open_family(lua_State *L)
{
    lua_pushcfunction(L, sockeye_can);
    lua_setfield(L, -2, "can");
    field_set_integer(L, "CAN_EFF_FLAG", CAN_EFF_FLAG);
    field_set_integer(L, "CAN_RTR_FLAG", CAN_RTR_FLAG);
    field_set_integer(L, "CAN_ERR_FLAG", CAN_ERR_FLAG);
    field_set_integer(L, "CAN_SFF_MASK", CAN_SFF_MASK);
    field_set_integer(L, "CAN_EFF_MASK", CAN_EFF_MASK);
    field_set_integer(L, "J1939_NO_NAME", 0);
    field_set_integer(L, "J1939_NO_PGN", NO_PGN);
    field_set_integer(L, "J1939_NO_ADDR", NO_ADDR);
}

const struct address_family can_family = {
    .family = AF_CAN,
    .prefix = "can:",
    .normalise = normalise_can,
    .parse = parse_can,
    .print = print_can,
    .fields = can_fields,
    .is = {is_any, NULL, NULL},
    .open = open_family,
};

#endif
