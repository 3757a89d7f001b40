/*
 * alg: addresses of the kernel's algorithms, `struct sockaddr_alg`; see
 * family.h.
 *
 * linux/if_alg.h, crypto/userspace-if.rst of the kernel. Type and name end at
 * their first zero.
 */
#include "address/alg.h"

#ifdef __linux__

#include <ctype.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <string.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/text.h"

#define TYPE_SIZE sizeof(((struct sockaddr_alg *)0)->salg_type)
#define NAME_SIZE sizeof(((struct sockaddr_alg *)0)->salg_name)
#define TEXT_MOST (3 * (TYPE_SIZE + NAME_SIZE) + 32) /* of a printed address */

static struct sockaddr_alg *alg_of(struct address *a)
{
    return (void *)a->bytes;
}

static const struct sockaddr_alg *const_alg(const struct address *a)
{
    return (const void *)a->bytes;
}

/* Clear what follows the first zero. The last byte is one for the kernel. */
static void end_text(unsigned char *text, size_t size)
{
    size_t length = strnlen((const char *)text, size - 1);

    memset(text + length, 0, size - length);
}

static size_t normalise_alg(struct address *a)
{
    end_text(alg_of(a)->salg_type, TYPE_SIZE);
    end_text(alg_of(a)->salg_name, NAME_SIZE);
    return sizeof(struct sockaddr_alg);
}

/* ---- fields and the printed form ---- */

static void push_type(lua_State *L, const struct address *a)
{
    lua_pushstring(L, (const char *)const_alg(a)->salg_type);
}

static void push_name(lua_State *L, const struct address *a)
{
    lua_pushstring(L, (const char *)const_alg(a)->salg_name);
}

static void push_feat(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_alg(a)->salg_feat);
}

static void push_mask(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_alg(a)->salg_mask);
}

static const struct address_field alg_fields[] = {
    {"type", push_type}, {"name", push_name}, {"feat", push_feat},
    {"mask", push_mask}, {NULL, NULL},
};

/* Add text in which a slash, "%" and what is not printable become "%2f". */
static void add_escaped(luaL_Buffer *b, const unsigned char *text)
{
    for (; *text != '\0'; text++) {
        char hex[4];

        if (isgraph(*text) && *text < 128 && *text != '/' && *text != '%') {
            luaL_addchar(b, (char)*text);
            continue;
        }
        snprintf(hex, sizeof hex, "%%%02x", *text);
        luaL_addstring(b, hex);
    }
}

static void print_alg(lua_State *L, const struct address *a)
{
    const struct sockaddr_alg *alg = const_alg(a);
    char rest[32] = "";
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addstring(&b, alg_family.prefix);
    add_escaped(&b, alg->salg_type);
    luaL_addchar(&b, '/');
    add_escaped(&b, alg->salg_name);
    if (alg->salg_feat != 0 || alg->salg_mask != 0)
        snprintf(rest, sizeof rest, "/0x%x/0x%x", alg->salg_feat,
                 alg->salg_mask);
    luaL_addstring(&b, rest);
    luaL_pushresult(&b);
}

/* ---- parsing ---- */

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0'
                                     : tolower((unsigned char)c) - 'a' + 10;
}

/* Write the text, with "%2f" replaced by the byte, and a zero after it. Returns
 * false if it does not fit or is malformed. */
static bool unescape(unsigned char *to, size_t size, const char *text)
{
    size_t length = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '%') {
            if (!isxdigit((unsigned char)text[1]) ||
                !isxdigit((unsigned char)text[2]))
                return false;
            c = (unsigned char)(hex_digit(text[1]) << 4 | hex_digit(text[2]));
            text += 2;
        }
        if (c == '\0' || length + 1 >= size)
            return false;
        to[length++] = c;
    }
    to[length] = '\0';
    return true;
}

static const char *parse_alg(lua_State *L, struct address *a, const char *text)
{
    struct sockaddr_alg *alg = alg_of(a);
    char copy[TEXT_MOST];
    char *rest = copy;
    const char *part;

    (void)L;
    if (strlen(text) >= sizeof copy)
        return "too long";
    strcpy(copy, text);
    if (!unescape(alg->salg_type, TYPE_SIZE, strsep(&rest, "/")))
        return "the type is malformed, or has more than 13 bytes";
    part = strsep(&rest, "/");
    if (part == NULL || !unescape(alg->salg_name, NAME_SIZE, part))
        return "the name is missing or malformed, or has more than 63 bytes";
    part = strsep(&rest, "/");
    if (part == NULL)
        return NULL;
    if (rest == NULL || !text_parse_number(part, &alg->salg_feat) ||
        !text_parse_number(rest, &alg->salg_mask))
        return "feat and mask are numbers of 32 bits";
    return NULL;
}

/* ---- building ---- */

static void check_text(lua_State *L, int arg, const char *what,
                       unsigned char *to, size_t size)
{
    const char *text = text_check(L, arg, what);
    size_t length = (size_t)lua_rawlen(L, arg);

    luaL_argcheck(L, length > 0, arg, "is empty");
    if (length >= size)
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "%s too long (at most %d bytes)", what,
                                      (int)size - 1));
    memcpy(to, text, length + 1);
}

/*** Make an address of one of the kernel's algorithms (the kernel's
crypto/userspace-if.rst).
A socket of the family `"alg"` and the type `"seqpacket"` that is bound to it
gives, by `accept`, a socket that computes.
@function alg
@string type `"hash"`, `"skcipher"`, `"aead"` or `"rng"`; at most 13 bytes
@string name as in /proc/crypto: `"sha256"`, `"cbc(aes)"`; at most 63 bytes
@tab[opt] options `feat` and `mask`, numbers of 32 bits
@treturn Address
@raise argument error for a text that is empty or too long
@usage
local s <close> = sockeye.socket("alg", "seqpacket")
s:bind(sockeye.alg("hash", "sha256"))
local hash <close> = s:accept()
hash:send("hello")
local digest = hash:recv(32)
*/
static int sockeye_alg(lua_State *L)
{
    static const char *const fields[] = {"feat", "mask", NULL};
    struct address *a;

    lua_settop(L, 3);
    a = address_new(L);
    address_reset(a, &alg_family);
    check_text(L, 1, "type", alg_of(a)->salg_type, TYPE_SIZE);
    check_text(L, 2, "name", alg_of(a)->salg_name, NAME_SIZE);
    if (lua_isnil(L, 3))
        return 1;
    check_fields(L, 3, fields);
    alg_of(a)->salg_feat =
        (uint32_t)field_opt_integer(L, 3, 3, "feat", 0, UINT32_MAX, 0);
    alg_of(a)->salg_mask =
        (uint32_t)field_opt_integer(L, 3, 3, "mask", 0, UINT32_MAX, 0);
    return 1;
}

static void open_family(lua_State *L)
{
    lua_pushcfunction(L, sockeye_alg);
    lua_setfield(L, -2, "alg");
    field_set_integer(L, "ALG_SET_KEY", ALG_SET_KEY);
    field_set_integer(L, "ALG_SET_IV", ALG_SET_IV);
    field_set_integer(L, "ALG_SET_OP", ALG_SET_OP);
    field_set_integer(L, "ALG_SET_AEAD_ASSOCLEN", ALG_SET_AEAD_ASSOCLEN);
    field_set_integer(L, "ALG_SET_AEAD_AUTHSIZE", ALG_SET_AEAD_AUTHSIZE);
    field_set_integer(L, "ALG_OP_DECRYPT", ALG_OP_DECRYPT);
    field_set_integer(L, "ALG_OP_ENCRYPT", ALG_OP_ENCRYPT);
}

const struct address_family alg_family = {
    .family = AF_ALG,
    .prefix = "alg:",
    .normalise = normalise_alg,
    .parse = parse_alg,
    .print = print_alg,
    .fields = alg_fields,
    .is = {NULL, NULL, NULL},
    .open = open_family,
};

#endif
