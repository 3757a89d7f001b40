/*
 * tcp: structures of TCP's options: signatures of RFC 2385, connections under
 * repair, receiving without copying; see type.h.
 *
 * linux/tcp.h. Its structures are repeated here: the header conflicts with the
 * C library's, which has them only in part.
 */
#include "option/struct.h"
#include "option/type.h"

#ifdef __linux__

#include <stdbool.h>
#include <string.h>

#include "address/host.h"
#include "base/argument.h"
#include "option/interface.h"

/* ---- tcp_md5sig: {address =, key =, prefix =, interface =} ---- */

#define KEY_MOST 80
#define HAS_PREFIX 1
#define HAS_INTERFACE 2

struct signature {
    struct sockaddr_storage address;
    uint8_t flags;
    uint8_t prefix;
    uint16_t key_length;
    int interface;
    uint8_t key[KEY_MOST];
};

static void check_key(lua_State *L, int arg, struct signature *s)
{
    size_t length;
    const char *key;

    if (lua_getfield(L, arg, "key") != LUA_TSTRING)
        field_argerror(L, arg, "key", "string expected");
    key = lua_tolstring(L, -1, &length);
    if (length > KEY_MOST)
        field_argerror(L, arg, "key", "too long (at most 80 bytes)");
    s->key_length = (uint16_t)length;
    memcpy(s->key, key, length);
    lua_pop(L, 1);
}

/* Read what only TCP_MD5SIG_EXT has. */
static void check_extension(lua_State *L, int arg, int family,
                            struct signature *s)
{
    lua_Integer most = family == AF_INET ? 32 : 128;
    lua_Integer prefix = field_opt_integer(L, arg, arg, "prefix", 0, most, -1);
    struct link link;

    interface_check_field(L, arg, &link);
    s->interface = (int)interface_index(L, arg, "interface", &link);
    if (s->interface != 0)
        s->flags |= HAS_INTERFACE;
    if (prefix >= 0) {
        s->flags |= HAS_PREFIX;
        s->prefix = (uint8_t)prefix;
    }
}

static struct option_data check_signature(lua_State *L, int arg,
                                          const struct option_type *type,
                                          union option_value *value)
{
    static const char *const plain[] = {"address", "key", NULL};
    static const char *const extended[] = {"address", "key", "prefix",
                                           "interface", NULL};
    bool is_plain = type == &option_tcp_md5sig;
    struct signature s;
    struct host host;

    memset(&s, 0, sizeof s);
    check_fields(L, arg, is_plain ? plain : extended);
    host_check_field(L, arg, "address", AF_UNSPEC, &host);
    host_store(&s.address, &host);
    check_key(L, arg, &s);
    if (!is_plain)
        check_extension(L, arg, host.family, &s);
    memcpy(value->bytes, &s, sizeof s);
    return (struct option_data){value->bytes, sizeof s};
}

const struct option_type option_tcp_md5sig = {
    .name = "tcp_md5sig",
    .check = check_signature,
};

const struct option_type option_tcp_md5sig_ext = {
    .name = "tcp_md5sig_ext",
    .check = check_signature,
};

/* ---- a connection under repair ---- */

/* clang-format off */
static const struct name queue_rows[] = {
    {"no", 0}, {"recv", 1}, {"send", 2},
    {NULL, 0},
};

/* The kinds of TCP's own options, of RFC 9293 and RFC 7323. */
static const struct name code_rows[] = {
    {"mss", 2}, {"window", 3}, {"sack_perm", 4}, {"timestamp", 8},
    {NULL, 0},
};
/* clang-format on */

static const struct names queue_names = {"queue", {"TCP_", NULL}, queue_rows};
static const struct names code_names = {
    "TCP option", {"TCPOPT_", NULL}, code_rows};

const struct option_type option_tcp_queue = {
    .name = "tcp_queue",
    .size = sizeof(int),
    .check = option_check_constant,
    .push = option_push_constant,
    .names = &queue_names,
};

#define REPAIRS_MOST 16

/* Read the table on top, an element of the list at `arg`. */
static void check_repair(lua_State *L, int arg, uint32_t pair[2])
{
    static const char *const fields[] = {"code", "value", NULL};
    int index = lua_gettop(L);
    lua_Integer code;

    field_check_names(L, arg, index, fields);
    code = field_opt_name(L, arg, index, "code", &code_names, UINT8_MAX, -1);
    if (code == -1)
        field_argerror(L, arg, "code", "name expected");
    pair[0] = (uint32_t)code;
    pair[1] =
        (uint32_t)field_opt_integer(L, arg, index, "value", 0, UINT32_MAX, 0);
}

static struct option_data check_repairs(lua_State *L, int arg,
                                        const struct option_type *type,
                                        union option_value *value)
{
    size_t count;

    (void)type;
    luaL_checktype(L, arg, LUA_TTABLE);
    count = field_count(L, arg, arg, NULL, REPAIRS_MOST);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, arg, (lua_Integer)i + 1);
        check_repair(L, arg, value->numbers + 2 * i);
        lua_pop(L, 1);
    }
    return (struct option_data){
        value->numbers, (socklen_t)(count * 2 * sizeof *value->numbers)};
}

const struct option_type option_tcp_repair_opt = {
    .name = "tcp_repair_opt",
    .check = check_repairs,
};

static const struct info_field window_fields[] = {
    {"snd_wl1", 0, 4},  {"snd_wnd", 4, 4},  {"max_window", 8, 4},
    {"rcv_wnd", 12, 4}, {"rcv_wup", 16, 4}, {NULL, 0, 0},
};

static struct option_data check_window(lua_State *L, int arg,
                                       const struct option_type *type,
                                       union option_value *value)
{
    static const char *const fields[] = {"snd_wl1", "snd_wnd", "max_window",
                                         "rcv_wnd", "rcv_wup", NULL};

    (void)type;
    check_fields(L, arg, fields);
    for (size_t i = 0; fields[i] != NULL; i++)
        value->numbers[i] =
            (uint32_t)check_number_field(L, arg, fields[i], 0, UINT32_MAX);
    return (struct option_data){value->numbers, 5 * sizeof *value->numbers};
}

const struct option_type option_tcp_repair_window = {
    .name = "tcp_repair_window",
    .size = 5 * sizeof(uint32_t),
    .check = check_window,
    .push = option_push_info,
    .fields = window_fields,
};

/* ---- tcp_zerocopy_receive: without an address, nothing is mapped ---- */

static const struct info_field receive_fields[] = {
    {"length", 8, 4},
    {"recv_skip_hint", 12, 4},
    {"inq", 16, 4},
    {NULL, 0, 0},
};

const struct option_type option_tcp_zerocopy_receive = {
    .name = "tcp_zerocopy_receive",
    .size = 24,
    .push = option_push_info,
    .fields = receive_fields,
};

#endif
