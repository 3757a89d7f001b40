/*
 * forker: the fork(2) of another library, which knows nothing of Sockeye.
 *
 * The one function of this module, fork(), returns what fork(2) returns.
 */
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

static int forker_fork(lua_State *L)
{
    pid_t pid = fork();

    if (pid == -1)
        return luaL_error(L, "no process can be started");
    lua_pushinteger(L, pid);
    return 1;
}

__attribute__((visibility("default"))) int luaopen_forker(lua_State *L);

int luaopen_forker(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, forker_fork);
    lua_setfield(L, -2, "fork");
    return 1;
}
