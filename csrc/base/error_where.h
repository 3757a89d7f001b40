/*
 * error_where: the line of the script that an error names, and the function that
 * the script has called there.
 *
 * The library's own Lua files are no script: they are marked as they are loaded.
 */
#ifndef SOCKEYE_BASE_ERROR_WHERE_H
#define SOCKEYE_BASE_ERROR_WHERE_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

/* Raise a text, after the position of the script's line that made the call. */
int error_raise_misuse(lua_State *L, const char *text);

/* Push the script's line that a coroutine is executing: "script.lua:12". If
 * there is none, push "?" and return false. */
bool error_push_place(lua_State *L, lua_State *co);

/* Push the position of the script's line that made the call, "script.lua:12:";
 * where L executes none, of a line that error_look_further finds; else nil. */
void error_push_where(lua_State *L);

/* Have that call `find`, which pushes "script.lua:12" and returns true, or pushes
 * nothing. `is_text`: for a text, to which coroutine.wrap adds a line. */
void error_look_further(bool (*find)(lua_State *L, bool is_text));

/* Return whether a file, by what lua_getinfo calls short_src, is the
 * library's. */
bool error_is_library(lua_State *L, const char *file);

/* Return the length of "file:12: " at the beginning of the text, if the file is
 * the library's, else 0. */
size_t error_library_place(lua_State *L, const char *text);

/* Where the value on top is an error of one of Lua's own functions, which the
 * library has called for the script, and names a line of the library, or none,
 * replace it by one with the script's line. */
void error_mend_place(lua_State *L);

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
