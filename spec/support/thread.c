/*
 * thread: runs a script in a Lua state and a thread of its own.
 *
 * The one function of this module, start(script, [stack]), returns a function
 * that waits for the script's end, and returns what it raised, as text, or nil.
 * The thread has so many bytes of C stack, 1 MiB unless told.
 */
#include <pthread.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

struct thread {
    pthread_t id;
    lua_State *state; /* NULL: not running */
};

/* Load and run the script on the stack. Its error, or nil, takes its place. */
static void *run(void *state)
{
    lua_State *L = state;
    const char *script = lua_tostring(L, 1);

    if (luaL_loadbuffer(L, script, lua_rawlen(L, 1), "=script") == LUA_OK &&
        lua_pcall(L, 0, 0, 0) == LUA_OK)
        lua_pushnil(L);
    return NULL;
}

static int thread_join(lua_State *L)
{
    struct thread *t = lua_touserdata(L, lua_upvalueindex(1));
    lua_State *state = t->state;

    if (state == NULL)
        return luaL_error(L, "the thread has been joined");
    t->state = NULL;
    pthread_join(t->id, NULL);
    lua_pushstring(L, lua_isnil(state, -1) ? NULL
                                           : luaL_tolstring(state, -1, NULL));
    lua_close(state);
    return 1;
}

static int thread_start(lua_State *L)
{
    size_t length;
    const char *script = luaL_checklstring(L, 1, &length);
    lua_Integer stack = luaL_optinteger(L, 2, 1 << 20);
    struct thread *t = lua_newuserdatauv(L, sizeof *t, 0);
    pthread_attr_t attributes;

    t->state = luaL_newstate();
    if (t->state == NULL)
        return luaL_error(L, "no memory for another state");
    luaL_openlibs(t->state);
    lua_pushlstring(t->state, script, length);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)stack);
    if (pthread_create(&t->id, &attributes, run, t->state) != 0)
        return luaL_error(L, "no thread can be started");
    lua_pushcclosure(L, thread_join, 1);
    return 1;
}

__attribute__((visibility("default"))) int luaopen_thread(lua_State *L);

int luaopen_thread(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, thread_start);
    lua_setfield(L, -2, "start");
    return 1;
}
