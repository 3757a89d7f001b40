/* Declarations for the analysers: these functions never return. */
#include <lauxlib.h>
#include <lua.h>

__attribute__((noreturn)) int(lua_error)(lua_State *L);
__attribute__((noreturn)) int(luaL_error)(lua_State *L, const char *fmt, ...);
__attribute__((noreturn)) int(luaL_argerror)(lua_State *L, int arg,
                                             const char *extramsg);
__attribute__((noreturn)) int(luaL_typeerror)(lua_State *L, int arg,
                                              const char *tname);
__attribute__((noreturn)) int(argument_error)(lua_State *L, int arg,
                                              const char *what);
__attribute__((noreturn)) int(argument_type_error)(lua_State *L, int arg,
                                                   const char *expected);
__attribute__((noreturn)) int(argument_integer_error)(lua_State *L, int arg);
