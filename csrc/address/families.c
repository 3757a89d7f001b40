/*
 * sockaddr_family: the table of the families that have a room of their own, and
 * what these rooms share; see sockaddr_family.h.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "address/family.h"
#include "base/field.h"

#define RAW_OCTETS 8 /* at most, of those that are given themselves */

/* clang-format off */
static const struct row {
    const struct address_family *family;
    void (*open)(lua_State *L);
} rows[] = {
#ifdef __linux__
    {&packet_family, open_sockaddr_packet},
    {&netlink_family, open_sockaddr_netlink},
    {&vsock_family, open_sockaddr_vsock},
#endif
    {NULL, NULL},
};
/* clang-format on */

/* Most addresses are of the families that have no row. */
const struct address_family *address_family(const struct address *a)
{
    switch (a->any.sa_family) {
    case AF_INET:
    case AF_INET6:
    case AF_UNIX:
        return NULL;
    default:
        break;
    }
    for (const struct row *row = rows; row->family; row++) {
        if (row->family->family == a->any.sa_family)
            return row->family;
    }
    return NULL;
}

const struct address_family *address_family_named(const char *text)
{
    for (const struct row *row = rows; row->family; row++) {
        const char *prefix = row->family->prefix;

        if (strncmp(text, prefix, strlen(prefix)) == 0)
            return row->family;
    }
    return NULL;
}

void address_reset(struct address *a, const struct address_family *f)
{
    memset(a->bytes, 0, a->room);
    a->any.sa_family = (sa_family_t)f->family;
    address_normalise(a, a->room);
}

bool octets_parse_number(const char *text, uint32_t *number)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = is_hex ? text + 2 : text;
    const char *set = is_hex ? "0123456789abcdefABCDEF" : "0123456789";
    unsigned long long value;

    if (*digits == '\0' || strlen(digits) > 10 ||
        digits[strspn(digits, set)] != '\0')
        return false;
    value = strtoull(digits, NULL, is_hex ? 16 : 10);
    *number = (uint32_t)value;
    return value <= UINT32_MAX;
}

bool octets_parse_name(const char *text, const struct names *names,
                       uint32_t most, uint32_t *number)
{
    lua_Integer value;

    if (names_find(names, text, &value)) {
        *number = (uint32_t)value;
        return true;
    }
    return octets_parse_number(text, number) && *number <= most;
}

void octets_push(lua_State *L, const unsigned char *octets, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            luaL_addchar(&b, ':');
        luaL_addchar(&b, digits[octets[i] >> 4]);
        luaL_addchar(&b, digits[octets[i] & 15]);
    }
    luaL_pushresult(&b);
}

/* The value of a hexadecimal digit; -1: it is none. */
static int digit_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    return found ? (int)((found - digits) & 15) : -1;
}

bool octets_parse(const char *text, unsigned char *octets, size_t most,
                  size_t *count)
{
    for (*count = 0; *count < most; text++) {
        int high = digit_value(text[0]);
        int low = high >= 0 ? digit_value(text[1]) : -1;

        if (low < 0)
            return false;
        octets[(*count)++] = (unsigned char)(high << 4 | low);
        text += 2;
        if (*text != ':')
            return *text == '\0';
    }
    return false;
}

/* A hardware address as a script gives it: text, or the octets themselves. */
static bool take_octets(const char *text, size_t length, unsigned char *octets,
                        size_t most, size_t *count)
{
    if (strlen(text) == length && octets_parse(text, octets, most, count))
        return true;
    if (length > RAW_OCTETS || length > most)
        return false;
    memcpy(octets, text, length);
    *count = length;
    return true;
}

size_t octets_check(lua_State *L, int arg, unsigned char *octets, size_t most)
{
    int type = lua_getfield(L, arg, "address");
    bool is_right = type == LUA_TNIL;
    size_t count = 0;
    size_t length;
    const char *text;

    if (type == LUA_TSTRING) {
        text = lua_tolstring(L, -1, &length);
        is_right = take_octets(text, length, octets, most, &count);
    }
    if (!is_right)
        field_argerror(L, arg, "address",
                       "no hardware address like 02:42:ac:11:00:02");
    lua_pop(L, 1);
    return count;
}

uint32_t octets_opt_number(lua_State *L, int arg, uint32_t absent)
{
    return lua_isnoneornil(L, arg)
               ? absent
               : (uint32_t)field_check_range(L, arg, 0, UINT32_MAX);
}

void open_sockaddr_families(lua_State *L)
{
    for (const struct row *row = rows; row->family; row++)
        row->open(L);
}
