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

/* Raise. The result type lets callers write `return raise_errno(...)`. */
int raise_errno(lua_State *L, const char *call, int code, int subject);

/* The same for an EAI_ code; the subject, a host name or an address, becomes
 * the error's field `address`. */
int raise_timeout(lua_State *L, const char *call, int subject);
int raise_eai(lua_State *L, const char *call, int code, int subject);

/* Raise a text, after the position of the script's line that made the call. */
int raise_misuse(lua_State *L, const char *text);

/* Push the error object, for a caller that adds fields before lua_error. */
void push_errno(lua_State *L, const char *call, int code, int subject);
void push_timeout(lua_State *L, const char *call, int subject);

/* Push the script's line at which a coroutine stands; "?", and false, where it
 * is in none. */
bool push_place(lua_State *L, lua_State *co);

/* Whether the value at `index` is a sockeye error. */
bool is_error(lua_State *L, int index);

/* "ECONNREFUSED" for ECONNREFUSED; NULL for a number without a name. */
const char *errno_name(int code);

/* The reverse; 0 for a name that this system does not have. */
int errno_number(const char *name);

/* Push the function by which a chunk says that it belongs to the library. */
void push_library_mark(lua_State *L);

/* Push the function by which it raises what is the script's mistake. */
void push_misuse(lua_State *L);

/* sockeye.Error and is_error, into the module table on top of the stack. */
void open_error(lua_State *L);

#endif
