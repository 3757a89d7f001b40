/*
 * argument: errors about wrong arguments; the auxiliary library, with those.
 *
 *     bad argument #2 to 'send' (string expected, got table)
 *
 * The functions of <lauxlib.h> that raise such an error are replaced: theirs
 * looks one level up for the line and the name, and finds neither where a
 * function is called from C, as by pcall(s.send, s, {}), nor the script's line
 * where a Lua file of the library made the call. These name the nearest line of
 * the script, and the function by the name that scripts know it by. Include this
 * file instead of <lauxlib.h>.
 */
#ifndef SOCKEYE_BASE_ARGUMENT_H
#define SOCKEYE_BASE_ARGUMENT_H

#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

/* Raise that argument `arg` is wrong: `what` is. Of a method that is called with
 * a colon, the first is the object itself, and the second counts as the
 * first. */
int argument_error(lua_State *L, int arg, const char *what);

/* Raise "string expected, got table". Where the argument is the object of a
 * method that was called without a colon, say so. */
int argument_type_error(lua_State *L, int arg, const char *expected);

/* For luaL_argcheck: as argument_error, and if the argument is a number, say
 * which. */
int argument_refuse(lua_State *L, int arg, const char *what);

/* For argument_integer: raise what is wrong with the argument. */
int argument_integer_error(lua_State *L, int arg);

/* As the functions of <lauxlib.h> whose names they take below. */
void argument_any(lua_State *L, int arg);
void argument_type(lua_State *L, int arg, int type);
const char *argument_lstring(lua_State *L, int arg, size_t *length);
const char *argument_opt_lstring(lua_State *L, int arg, const char *absent,
                                 size_t *length);
lua_Number argument_number(lua_State *L, int arg);
lua_Number argument_opt_number(lua_State *L, int arg, lua_Number absent);
lua_Integer argument_opt_integer(lua_State *L, int arg, lua_Integer absent);
void *argument_udata(lua_State *L, int arg, const char *type);

static inline lua_Integer argument_integer(lua_State *L, int arg)
{
    int is_integer;
    lua_Integer number = lua_tointegerx(L, arg, &is_integer);

    if (!is_integer)
        argument_integer_error(L, arg);
    return number;
}

#define luaL_argerror argument_error
#define luaL_typeerror argument_type_error
#define luaL_checkany argument_any
#define luaL_checktype argument_type
#define luaL_checklstring argument_lstring
#define luaL_optlstring argument_opt_lstring
#define luaL_checknumber argument_number
#define luaL_optnumber argument_opt_number
#define luaL_checkinteger argument_integer
#define luaL_optinteger argument_opt_integer
#define luaL_checkudata argument_udata

#undef luaL_argcheck
#define luaL_argcheck(L, condition, arg, what) \
    ((void)((condition) || argument_refuse(L, arg, what)))

#endif
