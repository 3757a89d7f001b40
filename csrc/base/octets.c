/*
 * octets: hardware addresses as bytes and as text; see octets.h.
 */
#include <string.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/octets.h"
#include "base/text.h"

#define BINARY_MOST 8 /* the most octets of an address given as bytes */

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

/* Return the value of a hexadecimal digit; -1 for another character. */
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

/* Read a hardware address that a script gives as text or as bytes. */
static bool take_octets(const char *text, size_t length, unsigned char *octets,
                        size_t most, size_t *count)
{
    if (text_is_whole(text, length) && octets_parse(text, octets, most, count))
        return true;
    if (length > BINARY_MOST || length > most)
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
