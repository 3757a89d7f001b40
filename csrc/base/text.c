/*
 * text: Lua strings as C strings, and numbers in text; see text.h.
 */
#include <stdlib.h>

#include "base/argument.h"
#include "base/text.h"

#define MOST_DIGITS 10 /* digits of a number of 32 bits */

const char *text_check(lua_State *L, int arg, const char *what)
{
    size_t length;
    const char *text = luaL_checklstring(L, arg, &length);

    if (!text_is_whole(text, length))
        luaL_argerror(L, arg, lua_pushfstring(L, "%s contains a zero", what));
    return text;
}

const char *text_opt(lua_State *L, int arg, const char *what)
{
    return lua_isnoneornil(L, arg) ? NULL : text_check(L, arg, what);
}

size_t text_scan_number(const char *text, uint64_t *number)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = is_hex ? text + 2 : text;
    size_t count = is_hex ? strspn(digits, "0123456789abcdefABCDEF")
                          : text_decimal_span(digits);

    if (count == 0)
        return 0;
    *number = count > MOST_DIGITS ? UINT64_MAX
                                  : strtoull(digits, NULL, is_hex ? 16 : 10);
    return (size_t)(digits - text) + count;
}

bool text_parse_number(const char *text, uint32_t *number)
{
    uint64_t value;
    size_t length = text_scan_number(text, &value);

    if (length == 0 || text[length] != '\0' || value > UINT32_MAX)
        return false;
    *number = (uint32_t)value;
    return true;
}
