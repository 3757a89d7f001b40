/*
 * metatable: every metatable of a userdata, and that of errors, is made here.
 *
 * Scripts cannot reach one: getmetatable(value) returns the type's name, such
 * as "sockeye.Socket", and setmetatable raises an error. A userdata keeps its
 * finalizer, and nobody calls it but Lua.
 */
#ifndef SOCKEYE_BASE_METATABLE_H
#define SOCKEYE_BASE_METATABLE_H

#include <lua.h>

#include "base/argument.h"

/* Push the metatable of the type `name` with these metamethods; NULL: none.
 * luaL_setmetatable and luaL_checkudata find it by that name. A type that the
 * state has already keeps its metatable. */
void metatable_push(lua_State *L, const char *name,
                    const luaL_Reg *metamethods);

/* The same, with a table of methods for its __index. Both tables are sparse:
 * a look-up there meets no other key on its way. */
void metatable_push_sparse(lua_State *L, const char *name,
                           const luaL_Reg *metamethods);

/* Add methods to the type: to the table that is its __index, which is made
 * where it has none. */
void metatable_add_methods(lua_State *L, const char *name,
                           const luaL_Reg *methods);

/* Push a method of the type. */
void metatable_push_method(lua_State *L, const char *name, const char *method);

#endif
