/*
 * error: failed system calls as Lua errors.
 *
 * `subject` is the stack index of the object that the call used, or 0: an
 * address becomes the error's field `address`, a string its field `subject`.
 */
#ifndef SOCKEYE_BASE_ERROR_H
#define SOCKEYE_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "base/error_where.h"

/* Raise the error `code`, an errno. The result type lets callers write `return
 * error_raise(...)`. */
int error_raise(lua_State *L, const char *call, int code, int subject);

/* Raise it for a call that `caller` has made, which is what the script called. */
int error_raise_for(lua_State *L, const char *caller, const char *call,
                    int code, int subject);

/* Raise it with a message that says more than the system's: "the socket is
 * closed". */
int error_raise_because(lua_State *L, const char *call, int code,
                        const char *message);

/* Raise ETIMEDOUT with the field `timeout`. The call had `after` nanoseconds;
 * NO_DEADLINE: it is not known how many. */
int error_raise_timeout(lua_State *L, const char *call, int64_t after);

/* Raise ECANCELED with the field `canceled`: a scope around the code is over. Or
 * EBADF with the field `closed`: somebody else has closed what the call uses. */
int error_raise_canceled(lua_State *L, const char *call, int subject);
int error_raise_closed(lua_State *L, const char *call, int subject);

/* Push the error object, so that the caller can add fields before lua_error. */
void error_push(lua_State *L, const char *call, int code, int subject);
void error_push_timeout(lua_State *L, const char *call, int subject,
                        int64_t after);
void error_push_canceled(lua_State *L, const char *call, int subject);
void error_push_closed(lua_State *L, const char *call, int subject);

/* Push an EAI_ code; its subject, a host name or an address, becomes the error's
 * field `address`. */
void error_push_eai(lua_State *L, const char *call, int code, int subject);

/* Whether the value at `index` is the error that error_push_canceled pushes.
 * Push one like it for a deadline that has come: ETIMEDOUT with `timeout`, after
 * so many nanoseconds, which the function `whose` has set. */
bool error_is_canceled(lua_State *L, int index);
void error_push_as_timeout(lua_State *L, int index, int64_t after,
                           const char *whose);

/* The time-out on top came after so many nanoseconds, which `whose` has set. */
void error_name_limit(lua_State *L, int64_t after, const char *whose);

/* Return whether the value at `index` is a sockeye error. */
bool error_is(lua_State *L, int index);

/* Return "ECONNREFUSED" for ECONNREFUSED; NULL for a number without a name. */
const char *error_errno_name(int code);

/* Return ECONNREFUSED for "ECONNREFUSED"; 0 for a name that this system does
 * not have. */
int error_errno_number(const char *name);

#endif
