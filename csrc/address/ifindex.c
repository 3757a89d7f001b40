/*
 * ifindex: the interface of an address, by its name or its index; see
 * ifindex.h.
 *
 * if_nametoindex(3), packet(7).
 */
#include <net/if.h>
#include <stdint.h>
#include <string.h>

#include "address/address.h"
#include "address/ifindex.h"
#include "base/argument.h"
#include "base/quote.h"
#include "base/text.h"

void ifindex_push_name(lua_State *L, int index)
{
    char name[IF_NAMESIZE];

    lua_pushstring(L, if_indextoname((unsigned)index, name));
}

/* Return whether the text is a number. It may be negative: the kernel reports
 * -1 for an interface that no longer exists. */
static bool is_number(const char *text)
{
    text += *text == '-';
    return text_is_decimal(text);
}

/* Print the index if the name is "*" or a number, and would be misread. */
void ifindex_print(lua_State *L, int index)
{
    char name[IF_NAMESIZE];

    if (index == 0)
        lua_pushliteral(L, "*");
    else if (if_indextoname((unsigned)index, name) == NULL ||
             strcmp(name, "*") == 0 || is_number(name))
        lua_pushfstring(L, "%d", index);
    else
        lua_pushstring(L, name);
}

bool ifindex_parse(lua_State *L, const char *text, int *index)
{
    bool is_negative = *text == '-';
    uint32_t number = 0;

    *index = 0;
    if (strcmp(text, "*") == 0)
        return true;
    if (!is_number(text)) {
        number = address_find_interface(L, text);
        *index = (int)number;
        return number != 0;
    }
    if (!text_parse_number(text + is_negative, &number) ||
        number > INT32_MAX + (uint32_t)is_negative)
        return false;
    *index = is_negative ? (int)-number : (int)number;
    return true;
}

static int reject_name(lua_State *L, int arg)
{
    struct quote quote;

    lua_pushfstring(L, "no interface has this name: '%s'",
                    quote_value(L, arg, &quote));
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}

int ifindex_check(lua_State *L, int arg)
{
    lua_Integer index;
    int found = 0;

    if (lua_isnoneornil(L, arg))
        return 0;
    if (lua_type(L, arg) == LUA_TSTRING) {
        if (!ifindex_parse(L, text_check(L, arg, "name"), &found))
            reject_name(L, arg);
        return found;
    }
    index = luaL_checkinteger(L, arg);
    luaL_argcheck(L, index >= 0 && index <= INT32_MAX, arg,
                  "index out of range");
    return (int)index;
}
