/*
 * error_where: the line of the script that an error names, and the function that
 * the script has called there.
 *
 * The library's own Lua files are no script: they are marked as they are loaded.
 */
#ifndef SOCKEYE_BASE_ERROR_WHERE_H
#define SOCKEYE_BASE_ERROR_WHERE_H

#include <stdbool.h>

#include <lua.h>

/* Raise a text, after the position of the script's line that made the call. */
int error_raise_misuse(lua_State *L, const char *text);

/* Push the script's line that a coroutine is executing: "script.lua:12". If
 * there is none, push "?" and return false. */
bool error_push_place(lua_State *L, lua_State *co);

/* Push the position of the script's line that made the call, "script.lua:12:";
 * nil if there is none. */
void error_push_where(lua_State *L);

/* Return the level of the stack at which the function runs that the script has
 * called: 0, the one that runs now, or a Lua function of the library. */
int error_level(lua_State *L);

/* Push the function that marks a Lua file as the library's, so that error
 * positions skip it. */
void error_push_library_mark(lua_State *L);

/* Push the function with which the library's Lua files raise a mistake of the
 * script, at the script's line. */
void error_push_misuse(lua_State *L);

#endif
