/*
 * allocator: a call whose n-th request for memory fails, and every one after
 * that, so that Lua's second attempt after an emergency collection fails, too.
 *
 * The one function of this module is call(n, f, ...): whether f(...) returned,
 * whether a request was refused, and what f returned or raised.
 */
#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

struct starved {
    lua_Alloc inner;
    void *inner_data;
    lua_Integer left;
    bool refused;
};

static void *allocate(void *data, void *block, size_t before, size_t after)
{
    struct starved *starved = data;
    bool grows = block == NULL ? after > 0 : after > before;

    if (grows && starved->left-- <= 1) {
        starved->left = 0;
        starved->refused = true;
        return NULL;
    }
    return starved->inner(starved->inner_data, block, before, after);
}

static int allocator_call(lua_State *L)
{
    struct starved starved = {.left = luaL_checkinteger(L, 1)};
    int status;

    luaL_checkany(L, 2);
    starved.inner = lua_getallocf(L, &starved.inner_data);
    lua_setallocf(L, allocate, &starved);
    status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
    lua_setallocf(L, starved.inner, starved.inner_data);
    luaL_checkstack(L, 2, NULL);
    lua_pushboolean(L, status == LUA_OK);
    lua_replace(L, 1);
    lua_pushboolean(L, starved.refused);
    lua_insert(L, 2);
    return lua_gettop(L);
}

__attribute__((visibility("default"))) int luaopen_allocator(lua_State *L);

int luaopen_allocator(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, allocator_call);
    lua_setfield(L, -2, "call");
    return 1;
}
