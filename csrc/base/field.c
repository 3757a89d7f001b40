/*
 * field: reads and sets fields of tables; see field.h.
 */
#include <string.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/nearest.h"
#include "base/text.h"

int field_argerror(lua_State *L, int arg, const char *name, const char *what)
{
    lua_pushfstring(L, "field '%s': %s", name, what);
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}

static int refuse_key(lua_State *L, int arg, const char *key, size_t length,
                      const char *const *names)
{
    struct nearest nearest;

    nearest_start(&nearest, key, length);
    for (; *names != NULL; names++)
        nearest_offer(&nearest, *names);
    return nearest_argerror(L, arg, "field", &nearest);
}

int field_find(lua_State *L, int arg, const char *const *names)
{
    const char *key;
    size_t length;

    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_argerror(L, arg,
                      lua_type(L, -2) == LUA_TNUMBER
                          ? "table with only named fields expected, got a list"
                          : "table with only named fields expected");
    key = lua_tolstring(L, -2, &length);
    for (int i = 0; names[i] != NULL; i++) {
        if (text_is_name(key, length, names[i]))
            return i;
    }
    return refuse_key(L, arg, key, length, names);
}

void field_check_names(lua_State *L, int arg, int index,
                       const char *const *names)
{
    if (!lua_istable(L, index)) {
        lua_pushfstring(L, "table expected, got %s", luaL_typename(L, index));
        luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    lua_pushnil(L);
    while (lua_next(L, index)) {
        field_find(L, arg, names);
        lua_pop(L, 1);
    }
}

size_t field_count(lua_State *L, int arg, int index, const char *name,
                   size_t most)
{
    lua_Unsigned count = lua_rawlen(L, index);
    const char *problem;

    if (count <= most)
        return (size_t)count;
    problem =
        lua_pushfstring(L, "too many elements (at most %I)", (LUAI_UACINT)most);
    if (name != NULL)
        field_argerror(L, arg, name, problem);
    else
        luaL_argerror(L, arg, problem);
    return 0;
}

static void reject_range(lua_State *L, int arg, const char *name,
                         lua_Integer low, lua_Integer high, lua_Integer number)
{
    lua_pushfstring(L, "out of range (%I to %I), got %I", (LUAI_UACINT)low,
                    (LUAI_UACINT)high, (LUAI_UACINT)number);
    field_argerror(L, arg, name, lua_tostring(L, -1));
}

lua_Integer field_value(lua_State *L, int arg, const char *name,
                        lua_Integer low, lua_Integer high)
{
    int is_integer;
    lua_Integer number = lua_tointegerx(L, -1, &is_integer);

    if (!is_integer) {
        lua_pushfstring(L, "integer expected, got %s", luaL_typename(L, -1));
        field_argerror(L, arg, name, lua_tostring(L, -1));
    }
    if (number < low || number > high)
        reject_range(L, arg, name, low, high, number);
    return number;
}

lua_Integer field_integer(lua_State *L, int arg, int index, const char *name,
                          lua_Integer low, lua_Integer high)
{
    lua_Integer number;

    lua_getfield(L, index, name);
    number = field_value(L, arg, name, low, high);
    lua_pop(L, 1);
    return number;
}

lua_Integer field_opt_integer(lua_State *L, int arg, int index,
                              const char *name, lua_Integer low,
                              lua_Integer high, lua_Integer absent)
{
    lua_Integer number = absent;

    if (lua_getfield(L, index, name) != LUA_TNIL)
        number = field_value(L, arg, name, low, high);
    lua_pop(L, 1);
    return number;
}

lua_Integer field_opt_name(lua_State *L, int arg, int index, const char *name,
                           const struct names *names, lua_Integer high,
                           lua_Integer absent)
{
    lua_Integer value = absent;

    if (lua_getfield(L, index, name) != LUA_TNIL) {
        if (!names_read(L, -1, names, &value))
            field_argerror(L, arg, name, lua_tostring(L, -1));
        else if (value > high)
            reject_range(L, arg, name, 0, high, value);
    }
    lua_pop(L, 1);
    return value;
}

int field_flags(lua_State *L, int arg, int index, const char *name,
                const struct names *names)
{
    int flags;

    lua_getfield(L, index, name);
    if (!names_read_flags(L, -1, names, &flags))
        field_argerror(L, arg, name, lua_tostring(L, -1));
    lua_pop(L, 1);
    return flags;
}

lua_Integer field_check_range(lua_State *L, int arg, lua_Integer low,
                              lua_Integer high)
{
    lua_Integer number = luaL_checkinteger(L, arg);

    if (number < low || number > high) {
        lua_pushfstring(L, "number out of range (%I to %I), got %I",
                        (LUAI_UACINT)low, (LUAI_UACINT)high,
                        (LUAI_UACINT)number);
        luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    return number;
}

void field_set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

void field_set_integer(lua_State *L, const char *name, lua_Integer number)
{
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

void field_set_string(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

void field_set_name(lua_State *L, const char *name, const struct names *names,
                    lua_Integer value)
{
    names_push(L, names, value);
    lua_setfield(L, -2, name);
}

void field_set_flags(lua_State *L, const struct name *rows, lua_Integer flags)
{
    for (; rows->text != NULL; rows++) {
        if (flags & rows->value)
            field_set_boolean(L, rows->text, true);
    }
}
