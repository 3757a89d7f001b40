/*
 * tipc: addresses of TIPC, `struct sockaddr_tipc`; see family.h.
 *
 * linux/tipc.h, networking/tipc.rst of the kernel. An address is a service's
 * (name), a range of them (nameseq), or a socket's (id): the kind says what its
 * words are.
 */
#include "address/tipc.h"

#ifdef __linux__

#include <linux/tipc.h>
#include <stdlib.h>
#include <string.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/text.h"

/* clang-format off */
static const struct name kind_rows[] = {
    {"nameseq", TIPC_ADDR_NAMESEQ}, {"name", TIPC_ADDR_NAME},
    {"id", TIPC_ADDR_ID}, {"mcast", TIPC_ADDR_MCAST},
    {NULL, 0},
};

static const struct name scope_rows[] = {
    {"zone", TIPC_ZONE_SCOPE}, {"cluster", TIPC_CLUSTER_SCOPE},
    {"node", TIPC_NODE_SCOPE},
    {NULL, 0},
};
/* clang-format on */

static const struct names kind_names = {
    "kind of TIPC address", {"TIPC_ADDR_", NULL}, kind_rows};
static const struct names scope_names = {
    "TIPC scope", {"TIPC_", NULL}, scope_rows};

enum { WORDS = 3 };

/* What the words of each kind are called. */
static const char *const word_names[][WORDS] = {
    [TIPC_ADDR_NAMESEQ] = {"type", "lower", "upper"},
    [TIPC_ADDR_NAME] = {"type", "instance", "domain"},
    [TIPC_ADDR_ID] = {"ref", "node", NULL},
};

static struct sockaddr_tipc *tipc_of(struct address *a)
{
    return (void *)a->bytes;
}

static const struct sockaddr_tipc *const_tipc(const struct address *a)
{
    return (const void *)a->bytes;
}

static bool is_known(const struct address *a)
{
    return const_tipc(a)->addrtype >= TIPC_ADDR_NAMESEQ &&
           const_tipc(a)->addrtype <= TIPC_ADDR_ID;
}

static uint32_t word_of(const struct address *a, int i)
{
    uint32_t word;

    memcpy(&word, (const char *)&const_tipc(a)->addr + (size_t)i * sizeof word,
           sizeof word);
    return word;
}

static void set_word(struct address *a, int i, uint32_t word)
{
    memcpy((char *)&tipc_of(a)->addr + (size_t)i * sizeof word, &word,
           sizeof word);
}

static int count_words(const struct address *a)
{
    return const_tipc(a)->addrtype == TIPC_ADDR_ID ? WORDS - 1 : WORDS;
}

static size_t normalise_tipc(struct address *a)
{
    for (int i = count_words(a); i < WORDS; i++)
        set_word(a, i, 0);
    return sizeof(struct sockaddr_tipc);
}

/* ---- fields and the printed form ---- */

static void push_kind(lua_State *L, const struct address *a)
{
    names_push(L, &kind_names, const_tipc(a)->addrtype);
}

static void push_scope(lua_State *L, const struct address *a)
{
    names_push(L, &scope_names, const_tipc(a)->scope);
}

/* Push the word of this name, or nil if this kind has none. */
static void push_word(lua_State *L, const struct address *a, const char *name)
{
    for (int i = 0; i < count_words(a) && is_known(a); i++) {
        if (strcmp(word_names[const_tipc(a)->addrtype][i], name) == 0) {
            lua_pushinteger(L, word_of(a, i));
            return;
        }
    }
    lua_pushnil(L);
}

#define PUSH_WORD(name)                                            \
    static void push_##name(lua_State *L, const struct address *a) \
    {                                                              \
        push_word(L, a, #name);                                    \
    }

PUSH_WORD(type)
PUSH_WORD(lower)
PUSH_WORD(upper)
PUSH_WORD(instance)
PUSH_WORD(domain)
PUSH_WORD(ref)
PUSH_WORD(node)

static const struct address_field tipc_fields[] = {
    {"addrtype", push_kind}, {"scope", push_scope},
    {"type", push_type},     {"lower", push_lower},
    {"upper", push_upper},   {"instance", push_instance},
    {"domain", push_domain}, {"ref", push_ref},
    {"node", push_node},     {NULL, NULL},
};

static void print_tipc(lua_State *L, const struct address *a)
{
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addstring(&b, tipc_family.prefix);
    push_kind(L, a);
    luaL_addvalue(&b);
    for (int i = 0; i < count_words(a); i++) {
        lua_pushfstring(L, "/%I", (LUAI_UACINT)word_of(a, i));
        luaL_addvalue(&b);
    }
    if (const_tipc(a)->scope != 0) {
        luaL_addchar(&b, '/');
        push_scope(L, a);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
}

/* ---- parsing ---- */

/* Read a name, or a number, which is negative to withdraw a binding. */
static bool parse_scope(const char *text, signed char *scope)
{
    bool is_negative = *text == '-';
    uint32_t number;

    if (!names_parse(&scope_names, text + is_negative,
                     INT8_MAX + (uint32_t)is_negative, &number))
        return false;
    *scope = (signed char)(is_negative ? -(int)number : (int)number);
    return true;
}

static const char *parse_tipc(lua_State *L, struct address *a, const char *text)
{
    char copy[96];
    char *rest = copy;
    uint32_t number;

    (void)L;
    if (strlen(text) >= sizeof copy)
        return "too long";
    strcpy(copy, text);
    if (!names_parse(&kind_names, strsep(&rest, "/"), UINT8_MAX, &number))
        return "name, nameseq or id expected";
    tipc_of(a)->addrtype = (unsigned char)number;
    for (int i = 0; i < count_words(a); i++) {
        const char *part = strsep(&rest, "/");

        if (part == NULL || !text_parse_number(part, &number))
            return "a number of 32 bits is missing or malformed";
        set_word(a, i, number);
    }
    if (rest != NULL && !parse_scope(rest, &tipc_of(a)->scope))
        return "unknown scope";
    return NULL;
}

/* ---- building ---- */

static void check_scope(lua_State *L, int arg, struct address *a)
{
    bool is_id = tipc_of(a)->addrtype == TIPC_ADDR_ID;
    int type = lua_getfield(L, arg, "scope");

    lua_pop(L, 1);
    tipc_of(a)->scope = type == LUA_TNUMBER
                            ? (signed char)field_integer(L, arg, arg, "scope",
                                                         INT8_MIN, INT8_MAX)
                            : (signed char)field_opt_name(
                                  L, arg, arg, "scope", &scope_names, INT8_MAX,
                                  is_id ? 0 : TIPC_CLUSTER_SCOPE);
}

/* Read the words; the last of three may be absent. */
static void check_words(lua_State *L, int arg, struct address *a)
{
    const char *const *names = word_names[tipc_of(a)->addrtype];
    bool is_range = tipc_of(a)->addrtype == TIPC_ADDR_NAMESEQ;

    for (int i = 0; i < WORDS - 1; i++)
        set_word(a, i,
                 (uint32_t)field_integer(L, arg, arg, names[i], 0, UINT32_MAX));
    if (names[WORDS - 1] == NULL)
        return;
    set_word(a, WORDS - 1,
             (uint32_t)field_opt_integer(
                 L, arg, arg, names[WORDS - 1], 0, UINT32_MAX,
                 is_range ? (lua_Integer)word_of(a, 1) : 0));
    if (is_range && word_of(a, 1) > word_of(a, 2))
        field_argerror(L, arg, "upper", "must not be less than lower");
}

/*** Make an address of TIPC (the kernel's networking/tipc.rst).
@function tipc
@string kind `"name"`: a service; `"nameseq"`: a range of services; `"id"`: a
socket
@tab fields numbers of 32 bits. Of a name: `type`, `instance`, and `domain`,
where it is looked for, by default everywhere. Of a nameseq: `type`, `lower`,
and `upper`, by default `lower`. Of an id: `ref` and `node`. `scope`: who sees
what is bound, `"node"`, `"cluster"` or `"zone"`, by default `"cluster"`; or a
number, negative to withdraw what was bound
@treturn Address
@raise argument error for a field that is missing or out of range
@usage
local s <close> = sockeye.socket("tipc", "rdm")
s:bind(sockeye.tipc("nameseq", {type = 18888, lower = 0, upper = 99}))
s:sendto("hello", sockeye.tipc("name", {type = 18888, instance = 17}))
*/
static int sockeye_tipc(lua_State *L)
{
    static const char *const fields[][5] = {
        [TIPC_ADDR_NAMESEQ] = {"type", "lower", "upper", "scope", NULL},
        [TIPC_ADDR_NAME] = {"type", "instance", "domain", "scope", NULL},
        [TIPC_ADDR_ID] = {"ref", "node", "scope", NULL, NULL},
    };
    lua_Integer kind = names_check(L, 1, &kind_names);
    struct address *a;

    luaL_argcheck(L, kind >= TIPC_ADDR_NAMESEQ && kind <= TIPC_ADDR_ID, 1,
                  "name, nameseq or id expected");
    check_fields(L, 2, fields[kind]);
    lua_settop(L, 2);
    a = address_new(L);
    address_reset(a, &tipc_family);
    tipc_of(a)->addrtype = (unsigned char)kind;
    check_words(L, 2, a);
    check_scope(L, 2, a);
    return 1;
}

static void open_family(lua_State *L)
{
    lua_pushcfunction(L, sockeye_tipc);
    lua_setfield(L, -2, "tipc");
    names_export(L, &kind_names);
    field_set_integer(L, "TIPC_ZONE_SCOPE", TIPC_ZONE_SCOPE);
    field_set_integer(L, "TIPC_CLUSTER_SCOPE", TIPC_CLUSTER_SCOPE);
    field_set_integer(L, "TIPC_NODE_SCOPE", TIPC_NODE_SCOPE);
}

const struct address_family tipc_family = {
    .family = AF_TIPC,
    .prefix = "tipc:",
    .normalise = normalise_tipc,
    .parse = parse_tipc,
    .print = print_tipc,
    .fields = tipc_fields,
    .is = {NULL, NULL, NULL},
    .open = open_family,
};

#endif
