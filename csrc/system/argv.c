/*
 * argv: the arguments and the environment of a program; see argv.h.
 *
 * Follows execve(2) and environ(7).
 */
#include <stddef.h>
#include <string.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/text.h"
#include "system/argv.h"

static int reject(lua_State *L, int arg, const char *list, const char *why)
{
    return luaL_argerror(L, arg, lua_pushfstring(L, "%s: %s", list, why));
}

/* Return the string on top of the stack, an element of the list at `arg`. */
static const char *check_element(lua_State *L, int arg, const char *list)
{
    size_t length;
    const char *text;

    if (lua_type(L, -1) != LUA_TSTRING)
        reject(L, arg, list, "every element must be a string");
    text = lua_tolstring(L, -1, &length);
    if (!text_is_whole(text, length))
        reject(L, arg, list, "string contains a zero");
    return text;
}

char **argv_push_list(lua_State *L, int index, lua_Integer first, int arg,
                      const char *list)
{
    size_t last = field_count(L, arg, index, list, ARGV_MOST);
    size_t count = (size_t)((lua_Integer)last - first + 1);
    const char **vector;

    lua_createtable(L, (int)count, 0);
    vector = lua_newuserdatauv(L, (count + 2) * sizeof *vector, 0);
    *vector++ = NULL;
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, first + (lua_Integer)i);
        vector[i] = check_element(L, arg, list);
        lua_rawseti(L, -3, (lua_Integer)i + 1);
    }
    vector[count] = NULL;
    return (char **)vector;
}

/* Replace the value on top of the stack with "NAME=value"; the name stays below
 * it. */
static void join_pair(lua_State *L, int arg)
{
    const char *value = check_element(L, arg, "env");
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);

    if (length == 0 || strcspn(name, "=") != length)
        reject(L, arg, "env",
               "a name must not be empty, nor contain = or zero");
    lua_pushfstring(L, "%s=%s", name, value);
    lua_replace(L, -2);
}

/* Check that the value on top of the stack has the form "NAME=value". */
static void check_pair(lua_State *L, int arg)
{
    const char *text = check_element(L, arg, "env");

    if (strchr(text, '=') == NULL)
        reject(L, arg, "env", "an element must have the form NAME=value");
}

char **argv_push_environment(lua_State *L, int index, int arg)
{
    lua_Integer count = 0;
    int list;

    lua_newtable(L);
    list = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            join_pair(L, arg);
        else if (lua_isinteger(L, -2))
            check_pair(L, arg);
        else
            reject(L, arg, "env", "a name must be a string");
        lua_rawseti(L, list, ++count);
    }
    return argv_push_list(L, list, 1, arg, "env");
}
