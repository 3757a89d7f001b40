/*
 * replay: a Lua module that runs the targets for the specs, without libFuzzer.
 *
 * names: the targets; run(name, bytes) returns nil, or what is wrong.
 */
#include "harness.h"

__attribute__((visibility("default"))) int luaopen_replay(lua_State *L);

static int replay_run(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    struct fuzz f;
    bool fine = fuzz_open(&f, name);

    if (fine) {
        fine = fuzz_run(&f, bytes, size);
        fine = fuzz_close(&f) && fine;
    }
    if (fine)
        return 0;
    lua_pushstring(L, f.problem);
    return 1;
}

int luaopen_replay(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, replay_run);
    lua_setfield(L, -2, "run");
    lua_newtable(L);
    for (int i = 0; fuzz_targets[i].name != NULL; i++) {
        lua_pushstring(L, fuzz_targets[i].name);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "names");
    return 1;
}
