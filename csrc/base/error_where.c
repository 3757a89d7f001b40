/*
 * error_where: finds the script's line for an error; see error_where.h.
 */
#include <ctype.h>
#include <string.h>

#include "base/error_where.h"

static bool (*_Atomic further)(lua_State *L, bool is_text);

/* The registry's key of the table that lists the library's chunks, by what
 * lua_getinfo calls short_src. */
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

bool error_is_library(lua_State *L, const char *file)
{
    bool is;

    push_library(L);
    lua_getfield(L, -1, file);
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
        if (!error_is_library(L, ar.short_src))
            break;
        found = level;
    }
    return found;
}

static bool push_line(lua_State *L, lua_State *co)
{
    lua_Debug ar;

    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        lua_getinfo(co, "Sl", &ar);
        if (ar.currentline > 0 && !error_is_library(L, ar.short_src)) {
            lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
            return true;
        }
    }
    return false;
}

bool error_push_place(lua_State *L, lua_State *co)
{
    if (push_line(L, co))
        return true;
    lua_pushliteral(L, "?");
    return false;
}

static bool push_caller(lua_State *L, bool is_text)
{
    bool (*find)(lua_State *, bool) = further;

    return push_line(L, L) || (find != NULL && find(L, is_text));
}

void error_look_further(bool (*find)(lua_State *L, bool is_text))
{
    further = find;
}

static void push_where(lua_State *L, bool is_text)
{
    if (push_caller(L, is_text)) {
        lua_pushliteral(L, ":");
        lua_concat(L, 2);
    } else {
        lua_pushnil(L);
    }
}

void error_push_where(lua_State *L)
{
    push_where(L, false);
}

int error_raise_misuse(lua_State *L, const char *text)
{
    push_where(L, true);
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

/* ---- in texts ---- */

size_t error_library_place(lua_State *L, const char *text)
{
    const char *end = text;
    size_t length;
    bool is;

    do {
        end = strchr(end, ':');
        if (end == NULL)
            return 0;
        length = (size_t)(end++ - text);
        while (isdigit((unsigned char)*end))
            end++;
    } while (*end != ':' || end == text + length + 1);
    if (length >= LUA_IDSIZE)
        return 0;
    lua_pushlstring(L, text, length);
    is = error_is_library(L, lua_tostring(L, -1));
    lua_pop(L, 1);
    return is ? (size_t)(end - text) + 1 + (end[1] == ' ') : 0;
}

static bool begins_with(const char *text, const char *words)
{
    return strncmp(text, words, strlen(words)) == 0;
}

/* Whether the error, whose text begins so after so many characters of place, is
 * the script's: one that the library's code makes of itself keeps its line. */
static bool is_of_script(const char *text, size_t place)
{
    if (place > 0)
        return !begins_with(text, "attempt to ");
    return begins_with(text, "bad argument #") ||
           begins_with(text, "calling '");
}

void error_mend_place(lua_State *L)
{
    const char *text;
    size_t place;

    if (lua_type(L, -1) != LUA_TSTRING)
        return;
    text = lua_tostring(L, -1);
    place = error_library_place(L, text);
    if (!is_of_script(text + place, place) || !push_caller(L, true))
        return;
    lua_pushfstring(L, "%s: %s", lua_tostring(L, -1), text + place);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* ---- the library's own files ---- */

/* Mark the calling chunk as the library's: errors name its caller instead. */
static int error_library(lua_State *L)
{
    lua_Debug ar;

    if (lua_getstack(L, 1, &ar) && lua_getinfo(L, "S", &ar)) {
        push_library(L);
        lua_pushboolean(L, true);
        lua_setfield(L, -2, ar.short_src);
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
