/* Declarations for the analysers: these functions never return. */
#include "base/argument.h"

// NOLINTBEGIN(readability-redundant-declaration)
__attribute__((noreturn)) int(lua_error)(lua_State *L);
__attribute__((noreturn)) int(luaL_error)(lua_State *L, const char *fmt, ...);
__attribute__((noreturn)) int(argument_error)(lua_State *L, int arg,
                                              const char *what);
__attribute__((noreturn)) int(argument_type_error)(lua_State *L, int arg,
                                                   const char *expected);
__attribute__((noreturn)) int(argument_refuse)(lua_State *L, int arg,
                                               const char *what);
__attribute__((noreturn)) int(argument_integer_error)(lua_State *L, int arg);
// NOLINTEND(readability-redundant-declaration)
