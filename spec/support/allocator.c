/*
 * allocator: a call whose n-th request for memory fails, and every one after
 * that, so that Lua's second attempt after an emergency collection fails, too.
 *
 * call(n, f, ...) returns whether f(...) returned, whether a request was
 * refused, and what f returned or raised. refuse(n) returns at once; from then
 * on, the next n requests fail, and those that come after them succeed.
 * call_once: as call, but only the n-th fails, and the attempt that follows a
 * collection succeeds.
 */
#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

struct starved {
    lua_Alloc inner;
    void *inner_data;
    lua_Integer left;
    bool once;
    bool refused;
};

static void *allocate(void *data, void *block, size_t before, size_t after)
{
    struct starved *starved = data;
    bool grows = block == NULL ? after > 0 : after > before;

    if (grows && starved->left-- <= 1 && !(starved->once && starved->refused)) {
        starved->left = 0;
        starved->refused = true;
        return NULL;
    }
    return starved->inner(starved->inner_data, block, before, after);
}

static int starve(lua_State *L, bool once)
{
    struct starved starved = {.left = luaL_checkinteger(L, 1), .once = once};
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

static int allocator_call(lua_State *L)
{
    return starve(L, false);
}

static int allocator_call_once(lua_State *L)
{
    return starve(L, true);
}

static struct starved passing;
static lua_State *starving;

static void *allocate_later(void *data, void *block, size_t before,
                            size_t after)
{
    bool grows = block == NULL ? after > 0 : after > before;

    (void)data;
    if (grows && passing.left > 0) {
        if (--passing.left == 0)
            lua_setallocf(starving, passing.inner, passing.inner_data);
        return NULL;
    }
    return passing.inner(passing.inner_data, block, before, after);
}

static int allocator_refuse(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);

    if (passing.left > 0)
        lua_setallocf(L, passing.inner, passing.inner_data);
    passing.left = count;
    passing.inner = lua_getallocf(L, &passing.inner_data);
    starving = L;
    if (count > 0)
        lua_setallocf(L, allocate_later, NULL);
    return 0;
}

__attribute__((visibility("default"))) int luaopen_allocator(lua_State *L);

int luaopen_allocator(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, allocator_call);
    lua_setfield(L, -2, "call");
    lua_pushcfunction(L, allocator_refuse);
    lua_setfield(L, -2, "refuse");
    lua_pushcfunction(L, allocator_call_once);
    lua_setfield(L, -2, "call_once");
    return 1;
}
