/*
 * control_write: encodes tables of control messages, valid or not, as sendmsg
 * does, and decodes them again.
 *
 * Input: the number of allocations, or zero for no limit, with the highest bit
 * set for an IPv6 socket; then a name and a value for each field, as indexes
 * into the lists below.
 */
#include <string.h>

#include "base/error.h"
#include "harness.h"
#include "message/control.h"

/* clang-format off */
static const char *const kinds[] = {
    "rights", "credentials", "pidfd", "security", "timestamp", "timestampns",
    "timestamping", "timestamping_packet", "ts_opt_id", "txtime", "rxq_ovfl",
    "mark", "priority", "wifi_status", "pktinfo", "ttl", "tos", "hoplimit",
    "tclass", "flowinfo", "dontfrag", "hopopts", "dstopts", "rtdstopts",
    "rthdr", "recvopts", "retopts", "recvfragsize", "checksum", "origdstaddr",
    "pathmtu", "recverr", "zerocopy", "gso_size", "gro_size", "inq", "auxdata",
    "group", "nsid", "right", "",
};

static const char *const fields[] = {
    "level", "type", "data", "pid", "uid", "gid", "ifindex", "interface",
    "address", "destination", "seconds", "scope",
};

static const char *const texts[] = {
    "", "lo", "127.0.0.1", "::1", "fe80::1%lo", "*", "\0", "nosuchinterface",
    "an interface's name that is much too long",
};
/* clang-format on */

#define CHOOSE(list, number) (list)[(number) % (sizeof(list) / sizeof *(list))]

/* ---- values from the input ---- */

static void push_integer(lua_State *L, struct supply *s)
{
    unsigned shape = take_byte(s);
    lua_Integer number = (lua_Integer)take_byte(s);

    if (shape & 1)
        number = (lua_Integer)((lua_Unsigned)number << (shape >> 2));
    if (shape & 2)
        number = ~number;
    lua_pushinteger(L, number);
}

static void push_text(lua_State *L, struct supply *s)
{
    size_t size = take_byte(s);
    const unsigned char *bytes = take_bytes(s, &size);

    lua_pushlstring(L, (const char *)bytes, size);
}

/* Pushes a text long enough to grow the encoder's memory. */
static void push_long_text(lua_State *L, struct supply *s)
{
    luaL_Buffer b;
    size_t size = 16 * (size_t)take_byte(s);

    memset(luaL_buffinitsize(L, &b, size), 'x', size);
    luaL_pushresultsize(&b, size);
}

static void push_closed_socket(lua_State *L)
{
    socket_new(L);
}

static void push_value(lua_State *L, struct supply *s, int depth);

static void push_list(lua_State *L, struct supply *s, int depth)
{
    unsigned count = take_byte(s) % 8;

    lua_newtable(L);
    for (unsigned i = 1; i <= count; i++) {
        push_value(L, s, depth + 1);
        lua_rawseti(L, -2, i);
    }
}

static void push_fields(lua_State *L, struct supply *s, int depth)
{
    unsigned count = take_byte(s) % 8;

    lua_newtable(L);
    for (unsigned i = 0; i < count; i++) {
        const char *name = CHOOSE(fields, take_byte(s));

        push_value(L, s, depth + 1);
        lua_setfield(L, -2, name);
    }
}

static void push_value(lua_State *L, struct supply *s, int depth)
{
    unsigned shape = take_byte(s) % (depth < 3 ? 11 : 8);

    switch (shape) {
    case 0:
    case 1:
        push_integer(L, s);
        break;
    case 2:
        lua_pushnumber(L, (lua_Number)take_byte(s) / 4);
        break;
    case 3:
        push_text(L, s);
        break;
    case 4:
        lua_pushstring(L, CHOOSE(texts, take_byte(s)));
        break;
    case 5:
        push_long_text(L, s);
        break;
    case 6:
        lua_pushboolean(L, (int)take_byte(s) & 1);
        break;
    case 7:
        push_closed_socket(L);
        break;
    case 8:
        push_list(L, s, depth);
        break;
    default:
        push_fields(L, s, depth);
        break;
    }
}

/* Pushes a table of control messages. Returns whether its list part has any. */
static bool push_table(lua_State *L, struct supply *s)
{
    bool has_list = false;

    lua_newtable(L);
    for (int i = 1; s->left > 0 && i <= 40; i++) {
        unsigned kind = take_byte(s);
        bool is_listed = kind % 8 == 7;

        has_list |= is_listed;
        push_value(L, s, 0);
        if (is_listed)
            lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        else
            lua_setfield(L, -2, CHOOSE(kinds, kind));
    }
    return has_list;
}

/* ---- encoding and decoding ---- */

static lua_Integer count_fields(lua_State *L, int index)
{
    lua_Integer count = 0;

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        count++;
    return count;
}

/* Checks that each field has a message, and that they fill the bytes. */
static void check_layout(lua_State *L, struct msghdr *m, lua_Integer count)
{
    size_t used = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = control_next(m, c)) {
        used += CMSG_ALIGN(c->cmsg_len);
        count--;
    }
    fuzz_check(L, count == 0, "not as many messages as fields");
    fuzz_check(L, used == m->msg_controllen, "bytes that are no message");
}

/* Encodes the table on the stack and decodes the result, as a socket of the
 * family does. */
static int write_and_read(lua_State *L)
{
    struct control_writer w;
    struct msghdr message = {.msg_name = NULL};
    struct socket socket = {
        .handle = fuzz_socket(L)->handle,
        .family = (int)lua_tointeger(L, 2),
        .type = SOCK_DGRAM,
    };
    struct control_reader reader = {
        .socket = &socket, .message = &message, .numbers = true};

    control_write(L, &w, &socket, "sendmsg", 1, 1);
    fuzz_check(L, lua_gettop(L) == 4, "control_write leaves values");
    control_fill_rights(L, 4, "sendmsg", w.bytes + w.rights, w.rights_count);
    message.msg_control = push_exact(L, w.bytes, w.used);
    message.msg_controllen = (socklen_t)w.used;
    check_layout(L, &message, count_fields(L, 1));
    lua_newtable(L);
    reader.table = lua_gettop(L);
    control_read(L, &reader);
    return 1;
}

/* ---- comparing ---- */

/* These kinds can only be sent: they decode as kinds without a name. */
static bool is_sent_only(const char *name)
{
    return strcmp(name, "gso_size") == 0 || strcmp(name, "txtime") == 0;
}

/* Compares values; a numeral equals its number. */
static bool is_same(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TNUMBER)
        return lua_tonumber(L, -1) == lua_tonumber(L, -2);
    return lua_compare(L, -1, -2, LUA_OPEQ);
}

/* Checks that the field (key at -2, value on top) is among those decoded. */
static void check_field(lua_State *L, int read)
{
    const char *name = lua_tostring(L, -2);
    int type = lua_type(L, -1);

    if (is_sent_only(name))
        return;
    fuzz_check(L, lua_getfield(L, read, name) != LUA_TNIL, "a field is gone");
    if (type == LUA_TNUMBER || type == LUA_TSTRING) {
        if (!is_same(L))
            luaL_error(L, "field '%s' has changed", name);
    } else if (strcmp(name, "rights") == 0) {
        fuzz_check(L, lua_rawlen(L, -1) <= lua_rawlen(L, -2),
                   "more descriptors than were sent");
    }
    lua_pop(L, 1);
}

int fuzz_control_write(lua_State *L)
{
    struct supply s = supply_of(L, 1);
    unsigned first = take_byte(&s);
    long requests = first & 0x7f;
    bool has_list = push_table(L, &s);

    lua_pushcfunction(L, write_and_read);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, first & 0x80 ? AF_INET6 : AF_INET);
    if (fuzz_starve(L, requests == 0 ? -1 : requests, 2, 1) != LUA_OK) {
        fuzz_check_error(L);
        return 0;
    }
    for (lua_pushnil(L); !has_list && lua_next(L, 2); lua_pop(L, 1))
        check_field(L, 3);
    return 0;
}
