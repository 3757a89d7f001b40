/*
 * netlink: converts the messages of netlink(7) to Lua values and back.
 *
 * Messages and attributes are read from strings and written to strings, without
 * system calls. netlink_walk.c finds them in the bytes; the socket and the
 * protocols are in lua/sockeye/. Positions count from 1, as in Lua's string
 * functions. Functions named netlink_* are primitives, for
 * lua/sockeye/netlink.lua.
 */
#include <stdint.h>
#include <string.h>

#ifdef __linux__
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#endif

#include "base/argument.h"
#include "base/error.h"
#include "base/field.h"
#include "base/names.h"
#include "open.h"
#include "system/netlink_walk.h"

#define PAYLOAD_MOST (INT32_MAX - NETLINK_HEADER)
#define ATTRIBUTE_MOST (UINT16_MAX - NETLINK_ATTRIBUTE_HEADER)

/* clang-format off */
#ifdef __linux__
static const struct name control_rows[] = {
    {"noop", NLMSG_NOOP}, {"error", NLMSG_ERROR}, {"done", NLMSG_DONE},
    {"overrun", NLMSG_OVERRUN}, {"min_type", NLMSG_MIN_TYPE},
    {NULL, 0},
};

static const struct name message_flag_rows[] = {
    {"request", NLM_F_REQUEST}, {"multi", NLM_F_MULTI}, {"ack", NLM_F_ACK},
    {"echo", NLM_F_ECHO}, {"dump_intr", NLM_F_DUMP_INTR},
    {"dump_filtered", NLM_F_DUMP_FILTERED}, {"root", NLM_F_ROOT},
    {"match", NLM_F_MATCH}, {"atomic", NLM_F_ATOMIC}, {"dump", NLM_F_DUMP},
    {"replace", NLM_F_REPLACE}, {"excl", NLM_F_EXCL},
    {"create", NLM_F_CREATE}, {"append", NLM_F_APPEND},
    {"nonrec", NLM_F_NONREC}, {"capped", NLM_F_CAPPED},
    {"ack_tlvs", NLM_F_ACK_TLVS},
    {NULL, 0},
};

static const struct name route_rows[] = {
    {"newlink", RTM_NEWLINK}, {"dellink", RTM_DELLINK},
    {"getlink", RTM_GETLINK}, {"setlink", RTM_SETLINK},
    {"newaddr", RTM_NEWADDR}, {"deladdr", RTM_DELADDR},
    {"getaddr", RTM_GETADDR}, {"newroute", RTM_NEWROUTE},
    {"delroute", RTM_DELROUTE}, {"getroute", RTM_GETROUTE},
    {"newneigh", RTM_NEWNEIGH}, {"delneigh", RTM_DELNEIGH},
    {"getneigh", RTM_GETNEIGH}, {"newrule", RTM_NEWRULE},
    {"delrule", RTM_DELRULE}, {"getrule", RTM_GETRULE},
    {NULL, 0},
};
#else
static const struct name control_rows[] = {{NULL, 0}};
static const struct name message_flag_rows[] = {{NULL, 0}};
static const struct name route_rows[] = {{NULL, 0}};
#endif

static const struct name attribute_flag_rows[] = {
    {"nested", NETLINK_NESTED}, {"net_byteorder", NETLINK_NET_BYTEORDER},
    {NULL, 0},
};
/* clang-format on */

static const struct names control_names = {
    "message type", {"NLMSG_", NULL}, control_rows};
static const struct names message_flag_names = {
    "message flag", {"NLM_F_", NULL}, message_flag_rows};
static const struct names route_names = {
    "message type", {"RTM_", NULL}, route_rows};
static const struct names attribute_flag_names = {
    "attribute flag", {"NLA_F_", NULL}, attribute_flag_rows};

/* ---- what is wrong with the bytes ---- */

/* Push nil and "attribute at byte 33: length beyond the end (20, at most 8)".
 * Returns how many results that is. */
static int push_problem(lua_State *L, const char *what,
                        const struct netlink_reader *r)
{
    static const char *const texts[] = {
        [NETLINK_CUT_SHORT] = "cut short (%I bytes, at least %I)",
        [NETLINK_TOO_SMALL] = "length too small (%I, at least %I)",
        [NETLINK_BEYOND_END] = "length beyond the end (%I, at most %I)",
    };

    lua_pushnil(L);
    lua_pushfstring(L, "%s at byte %I: ", what, (LUAI_UACINT)r->position + 1);
    lua_pushfstring(L, texts[r->problem], (LUAI_UACINT)r->found,
                    (LUAI_UACINT)r->limit);
    lua_concat(L, 2);
    return 2;
}

/* Raise the problem as an argument error if a function returned nil and a
 * problem. */
static int raise_problem(lua_State *L, int results)
{
    if (results == 2)
        luaL_argerror(L, 1, lua_tostring(L, -1));
    return results;
}

/* A reader of the bytes at index 1, from the position at index 2 to that at
 * index 3. */
static struct netlink_reader check_bytes(lua_State *L)
{
    struct netlink_reader r = {.problem = NETLINK_NO_PROBLEM};
    size_t size;
    lua_Integer first;
    lua_Integer last;

    r.bytes = (const unsigned char *)luaL_checklstring(L, 1, &size);
    first = luaL_optinteger(L, 2, 1);
    last = luaL_optinteger(L, 3, (lua_Integer)size);
    luaL_argcheck(L, first >= 1 && (lua_Unsigned)first <= size + 1, 2,
                  "position out of the string");
    luaL_argcheck(L, last >= first - 1 && (lua_Unsigned)last <= size, 3,
                  "position out of the string");
    r.position = (size_t)first - 1;
    r.end = (size_t)last;
    return r;
}

/* ---- reading ---- */

static void set_bytes(lua_State *L, const char *field,
                      const struct netlink_reader *r, size_t from, size_t to)
{
    lua_pushlstring(L, (const char *)r->bytes + from, to - from);
    lua_setfield(L, -2, field);
}

/* Push a table of the header, presized for the other fields. */
static void push_header(lua_State *L, const struct netlink_message *m)
{
    lua_createtable(L, 0, 7);
    field_set_integer(L, "type", m->type);
    field_set_integer(L, "flags", m->flags);
    field_set_integer(L, "seq", m->seq);
    field_set_integer(L, "pid", m->pid);
}

/* Set a field to the text of an attribute, up to its first zero. */
static void set_acknowledged_text(lua_State *L, const char *field,
                                  const struct netlink_reader *r,
                                  const struct netlink_attribute *a)
{
    const char *text = (const char *)r->bytes + a->payload;

    set_bytes(L, field, r, a->payload,
              a->payload + strnlen(text, a->end - a->payload));
}

static void set_acknowledged_bytes(lua_State *L, const char *field,
                                   const struct netlink_reader *r,
                                   const struct netlink_attribute *a)
{
    set_bytes(L, field, r, a->payload, a->end);
}

/* Set a field to the integer of an attribute, if it has the size of one. */
static void set_acknowledged_number(lua_State *L, const char *field,
                                    const struct netlink_reader *r,
                                    const struct netlink_attribute *a)
{
    uint32_t value;

    if (a->end - a->payload != sizeof value)
        return;
    memcpy(&value, r->bytes + a->payload, sizeof value);
    field_set_integer(L, field, value);
}

/* The attributes of an extended acknowledgement, indexed by type. */
static const struct acknowledged {
    const char *field;
    void (*set)(lua_State *L, const char *field, const struct netlink_reader *r,
                const struct netlink_attribute *a);
} acknowledged[] = {
    [1] = {"message", set_acknowledged_text},
    [2] = {"offset", set_acknowledged_number},
    [3] = {"cookie", set_acknowledged_bytes},
    [5] = {"missing_type", set_acknowledged_number},
    [6] = {"missing_nest", set_acknowledged_number},
};

/* Set the fields of an extended acknowledgement in the message on top. False:
 * nil and a description of the problem are pushed. */
static bool set_acknowledgement(lua_State *L, struct netlink_reader *r)
{
    struct netlink_attribute a;

    while (netlink_walk_attribute(r, &a)) {
        if (a.type < sizeof acknowledged / sizeof acknowledged[0] &&
            acknowledged[a.type].set != NULL)
            acknowledged[a.type].set(L, acknowledged[a.type].field, r, &a);
    }
    if (r->problem == NETLINK_NO_PROBLEM)
        return true;
    push_problem(L, "attribute of an acknowledgement", r);
    return false;
}

/* Set the fields of an error, or of the end of a dump, in the message on top.
 * False: nil and a description of the problem are pushed. */
static bool set_report(lua_State *L, struct netlink_reader *r,
                       const struct netlink_message *m)
{
    struct netlink_report report;
    struct netlink_reader inner = *r;

    if (!netlink_walk_report(r, m, &report)) {
        push_problem(L, "report", r);
        return false;
    }
    field_set_integer(L, "errno", -(lua_Integer)report.error);
    if (report.has_request) {
        push_header(L, &report.request);
        set_bytes(L, "data", r, report.request.payload, report.request.end);
        lua_setfield(L, -2, "request");
    }
    inner.position = report.attributes;
    inner.end = report.end;
    return set_acknowledgement(L, &inner);
}

/* read_messages(bytes [, position [, last]]): returns a list of the messages;
 * or nil and a description of the problem. */
static int netlink_read_messages(lua_State *L)
{
    struct netlink_reader r = check_bytes(L);
    struct netlink_message m;
    lua_Integer count = 0;

    lua_newtable(L);
    while (netlink_walk_message(&r, &m)) {
        push_header(L, &m);
        set_bytes(L, "data", &r, m.payload, m.end);
        if ((m.type == NETLINK_ERROR || m.type == NETLINK_DONE) &&
            !set_report(L, &r, &m))
            return 2;
        lua_rawseti(L, -2, ++count);
    }
    return r.problem ? push_problem(L, "message", &r) : 1;
}

/* decode(bytes [, position [, last]]): returns what read_messages does, but
 * raises a problem as an argument error. */
static int netlink_decode(lua_State *L)
{
    return raise_problem(L, netlink_read_messages(L));
}

/* read_attributes(bytes [, position [, last]]): returns a list of the
 * attributes; or nil and a description of the problem. */
static int netlink_read_attributes(lua_State *L)
{
    struct netlink_reader r = check_bytes(L);
    struct netlink_attribute a;
    lua_Integer count = 0;

    lua_newtable(L);
    while (netlink_walk_attribute(&r, &a)) {
        lua_createtable(L, 0, 4);
        field_set_integer(L, "type", a.type);
        field_set_boolean(L, "nested", a.nested);
        field_set_boolean(L, "net_byteorder", a.net_byteorder);
        set_bytes(L, "data", &r, a.payload, a.end);
        lua_rawseti(L, -2, ++count);
    }
    return r.problem ? push_problem(L, "attribute", &r) : 1;
}

/* attributes(bytes [, position [, last]]): returns what read_attributes does,
 * but raises a problem as an argument error. */
static int netlink_attributes(lua_State *L)
{
    return raise_problem(L, netlink_read_attributes(L));
}

/* ---- writing ---- */

/* The integer field of the table at index 1; 0 if absent. */
static lua_Integer opt_field(lua_State *L, const char *name, lua_Integer high)
{
    return field_opt_integer(L, 1, 1, name, 0, high, 0);
}

/* Push the field `data` of the table at index 1, or an empty string. */
static const char *push_data(lua_State *L, size_t *length)
{
    if (lua_getfield(L, 1, "data") == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushliteral(L, "");
    } else if (lua_type(L, -1) != LUA_TSTRING) {
        field_argerror(L, 1, "data", "string expected");
    }
    if (lua_rawlen(L, -1) > PAYLOAD_MOST)
        field_argerror(L, 1, "data", "too long");
    return lua_tolstring(L, -1, length);
}

/* Push a header, the data after it, and padding, as one string. */
static void push_padded(lua_State *L, const void *header, size_t size,
                        const char *data, size_t length)
{
    static const char zeros[NETLINK_ALIGNMENT] = "";
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addlstring(&b, header, size);
    luaL_addlstring(&b, data, length);
    luaL_addlstring(&b, zeros, -length % NETLINK_ALIGNMENT);
    luaL_pushresult(&b);
}

/* encode{type=, flags=, seq=, pid=, data=}: returns the message, padded. */
static int netlink_encode(lua_State *L)
{
    static const char *const names[] = {"type", "flags", "seq",
                                        "pid",  "data",  NULL};
    struct {
        uint32_t length;
        uint16_t type;
        uint16_t flags;
        uint32_t seq;
        uint32_t pid;
    } header;
    size_t length;
    const char *data;

    check_fields(L, 1, names);
    header.type = (uint16_t)check_number_field(L, 1, "type", 0, UINT16_MAX);
    header.flags = (uint16_t)opt_field(L, "flags", UINT16_MAX);
    header.seq = (uint32_t)opt_field(L, "seq", UINT32_MAX);
    header.pid = (uint32_t)opt_field(L, "pid", UINT32_MAX);
    data = push_data(L, &length);
    header.length = (uint32_t)(NETLINK_HEADER + length);
    push_padded(L, &header, sizeof header, data, length);
    return 1;
}

/* attribute(type, data [, flags]): returns the attribute, padded. */
static int netlink_attribute(lua_State *L)
{
    lua_Integer type = field_check_range(L, 1, 0, NETLINK_TYPE_MASK);
    size_t length;
    const char *data = luaL_checklstring(L, 2, &length);
    int flags = names_flags(L, 3, &attribute_flag_names);
    uint16_t header[2];

    luaL_argcheck(L, length <= ATTRIBUTE_MOST, 2,
                  "too long for an attribute (at most 65531 bytes)");
    luaL_argcheck(L, (flags & ~(NETLINK_NESTED | NETLINK_NET_BYTEORDER)) == 0,
                  3, "no such flags");
    header[0] = (uint16_t)(NETLINK_ATTRIBUTE_HEADER + length);
    header[1] = (uint16_t)(type | flags);
    push_padded(L, header, sizeof header, data, length);
    return 1;
}

/* fault(call, code or errno): returns an error object, for the caller to
 * complete and raise. */
static int netlink_fault(lua_State *L)
{
    const char *call = luaL_checkstring(L, 1);
    int code = lua_type(L, 2) == LUA_TSTRING
                   ? error_errno_number(lua_tostring(L, 2))
                   : (int)luaL_checkinteger(L, 2);

    error_push(L, call, code, 0);
    return 1;
}

void open_netlink(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"attribute", netlink_attribute},
        {"attributes", netlink_attributes},
        {"decode", netlink_decode},
        {"encode", netlink_encode},
        {"fault", netlink_fault},
        {"read_attributes", netlink_read_attributes},
        {"read_messages", netlink_read_messages},
        {NULL, NULL},
    };

    lua_getfield(L, -1, "primitives");
    luaL_newlib(L, functions);
    lua_newtable(L);
    names_export(L, &control_names);
    names_export(L, &message_flag_names);
    names_export(L, &route_names);
    names_export(L, &attribute_flag_names);
    lua_setfield(L, -2, "constants");
    lua_setfield(L, -2, "netlink");
    lua_pop(L, 1);
}
