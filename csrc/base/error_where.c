/*
 * error_where: finds the script's line for an error; see error_where.h.
 */
#include "base/error_where.h"

/* The registry's key of the table that lists the library's chunks. */
static const char library_key = 'e';

/* Push that table. */
static void push_library(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &library_key);
}

static bool is_library(lua_State *L, const char *source)
{
    bool is;

    push_library(L);
    lua_getfield(L, -1, source);
    is = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return is;
}

int error_level(lua_State *L)
{
    lua_Debug ar;
    int found = 0;

    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline <= 0)
            continue;
        if (!is_library(L, ar.source))
            break;
        found = level;
    }
    return found;
}

bool error_push_place(lua_State *L, lua_State *co)
{
    lua_Debug ar;

    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        lua_getinfo(co, "Sl", &ar);
        if (ar.currentline > 0 && !is_library(L, ar.source)) {
            lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
            return true;
        }
    }
    lua_pushliteral(L, "?");
    return false;
}

void error_push_where(lua_State *L)
{
    if (error_push_place(L, L)) {
        lua_pushliteral(L, ":");
        lua_concat(L, 2);
    } else {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
}

int error_raise_misuse(lua_State *L, const char *text)
{
    error_push_where(L);
    if (lua_isnil(L, -1))
        lua_pushstring(L, text);
    else
        lua_pushfstring(L, "%s %s", lua_tostring(L, -1), text);
    return lua_error(L);
}

/* misuse(text): raises the text after the position of the script's line. */
static int error_misuse(lua_State *L)
{
    return error_raise_misuse(L, lua_tostring(L, 1));
}

/* Mark the calling chunk as the library's: errors name its caller instead. */
static int error_library(lua_State *L)
{
    lua_Debug ar;

    if (lua_getstack(L, 1, &ar) && lua_getinfo(L, "S", &ar)) {
        push_library(L);
        lua_pushboolean(L, true);
        lua_setfield(L, -2, ar.source);
    }
    return 0;
}

void error_push_library_mark(lua_State *L)
{
    lua_pushcfunction(L, error_library);
}

void error_push_misuse(lua_State *L)
{
    lua_pushcfunction(L, error_misuse);
}
