/*
 * metatable: metatables that scripts cannot reach; see metatable.h.
 */
#include "base/metatable.h"

#define SPARSE 256 /* fields that a sparse table is presized for */

/* Push the field __index of the table on top: a table, new where there is
 * none. */
static void push_index(lua_State *L, int fields)
{
    if (lua_getfield(L, -1, "__index") == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, fields);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index");
}

/* A sparse table gets __index first: the first field of a table is found
 * fastest. */
static void push(lua_State *L, const char *name, int fields,
                 const luaL_Reg *metamethods)
{
    if (luaL_getmetatable(L, name) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 0, fields);
        if (fields > 0) {
            push_index(L, fields);
            lua_pop(L, 1);
        }
        lua_pushstring(L, name);
        lua_setfield(L, -2, "__name");
        lua_pushstring(L, name);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, name);
    }
    if (metamethods != NULL)
        luaL_setfuncs(L, metamethods, 0);
}

void metatable_push(lua_State *L, const char *name, const luaL_Reg *metamethods)
{
    push(L, name, 0, metamethods);
}

void metatable_push_sparse(lua_State *L, const char *name,
                           const luaL_Reg *metamethods)
{
    push(L, name, SPARSE, metamethods);
}

void metatable_add_methods(lua_State *L, const char *name,
                           const luaL_Reg *methods)
{
    push(L, name, 0, NULL);
    push_index(L, 0);
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 2);
}

void metatable_push_method(lua_State *L, const char *name, const char *method)
{
    luaL_getmetatable(L, name);
    lua_getfield(L, -1, "__index");
    lua_getfield(L, -1, method);
    lua_replace(L, -3);
    lua_pop(L, 1);
}
