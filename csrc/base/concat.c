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

static int return_result(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 1;
}

/* Join the two by the metamethod of the one at `index`, which joins nothing by
 * itself. */
static int concat_by(lua_State *L, int index)
{
    if (luaL_getmetafield(L, index, "__concat") == LUA_TNIL)
        return luaL_error(L, "attempt to concatenate a %s value",
                          luaL_typename(L, index));
    lua_insert(L, 1);
    lua_callk(L, 2, 1, 0, return_result);
    return 1;
}

int concat_values(lua_State *L)
{
    lua_settop(L, 2);
    for (int i = 1; i <= 2; i++) {
        if (!joins(L, i))
            return concat_by(L, i);
    }
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}
