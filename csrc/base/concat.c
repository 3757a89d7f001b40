/*
 * concat: joins addresses and errors to text; see concat.h.
 */
#include <stdbool.h>

#include "base/argument.h"
#include "base/concat.h"

/* Return whether the value joins others: by itself, or by concat_values. */
static bool joins(lua_State *L, int index)
{
    bool result =
        lua_type(L, index) == LUA_TSTRING || lua_type(L, index) == LUA_TNUMBER;

    if (!result && luaL_getmetafield(L, index, "__concat") != LUA_TNIL) {
        result = lua_tocfunction(L, -1) == concat_values;
        lua_pop(L, 1);
    }
    return result;
}

int concat_values(lua_State *L)
{
    lua_settop(L, 2);
    for (int i = 1; i <= 2; i++) {
        if (!joins(L, i))
            return luaL_error(L, "attempt to concatenate a %s value",
                              luaL_typename(L, i));
    }
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}
