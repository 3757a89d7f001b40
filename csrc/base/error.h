/*
 * error: failed system calls as Lua errors.
 *
 * `subject` is the stack index of what the call was about: an address becomes
 * the error's field `address`, a string its field `subject`; 0 is none.
 */
#ifndef SOCKEYE_BASE_ERROR_H
#define SOCKEYE_BASE_ERROR_H

#include <stdbool.h>

#include <lua.h>

/* Raise. The result type lets callers write `return error_raise(...)`. */
int error_raise(lua_State *L, const char *call, int code, int subject);

/* Raise ETIMEDOUT, as a time-out; or an EAI_ code, whose subject, a host name
 * or an address, becomes the error's field `address`. */
int error_raise_timeout(lua_State *L, const char *call, int subject);
int error_raise_eai(lua_State *L, const char *call, int code, int subject);

/* Raise a text, after the position of the script's line that made the call. */
int error_raise_misuse(lua_State *L, const char *text);

/* Push the error object, for a caller that adds fields before lua_error. */
void error_push(lua_State *L, const char *call, int code, int subject);
void error_push_timeout(lua_State *L, const char *call, int subject);

/* Push the script's line at which a coroutine stands; "?", and false, where it
 * is in none. */
bool error_push_place(lua_State *L, lua_State *co);

/* Whether the value at `index` is a sockeye error. */
bool error_is(lua_State *L, int index);

/* "ECONNREFUSED" for ECONNREFUSED; NULL for a number without a name. */
const char *error_errno_name(int code);

/* ECONNREFUSED for "ECONNREFUSED"; 0 for a name that this system does not
 * have. */
int error_errno_number(const char *name);

/* Push the function that marks a Lua file as the library's, so that error
 * positions skip it. */
void error_push_library_mark(lua_State *L);

/* Push the function by which such a file raises a mistake of the script. */
void error_push_misuse(lua_State *L);

#endif
