/*
 * thread: Lua states and threads, as a host in C has them.
 *
 * start(script, [stack]) runs a script in a Lua state and a thread of its own.
 * It returns a function that waits for the script's end, and returns what it
 * raised, as text, or nil. The thread has so many bytes of C stack, or 1 MiB.
 *
 * state() creates a Lua state that goes from thread to thread. Its methods:
 * run(script) runs a script in the calling thread, and returns what it raised,
 * or nil; start(script, [stack]) does so in a new thread, and returns a function
 * that waits for the end; close() closes the state in the calling thread,
 * start_close() in a new one.
 *
 * fork() is fork(2), as others than the library call it.
 */
#include <pthread.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define STATE_TYPE "thread.State"

struct thread {
    pthread_t id;
    lua_State *state; /* NULL: not running */
    int closes;       /* the state is closed after the join */
};

/* ---- in whichever thread ---- */

static lua_State *new_state(lua_State *L)
{
    lua_State *state = luaL_newstate();

    if (state == NULL)
        luaL_error(L, "no memory for another state");
    luaL_openlibs(state);
    return state;
}

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

static void *close_state(void *state)
{
    lua_close(state);
    return NULL;
}

/* Move the script at `arg` to the state. */
static void put_script(lua_State *L, int arg, lua_State *state)
{
    size_t length;
    const char *script = luaL_checklstring(L, arg, &length);

    lua_settop(state, 0);
    lua_pushlstring(state, script, length);
}

static int push_error(lua_State *L, lua_State *state)
{
    lua_pushstring(L, lua_isnil(state, -1) ? NULL
                                           : luaL_tolstring(state, -1, NULL));
    return 1;
}

/* ---- a new thread ---- */

static int thread_join(lua_State *L)
{
    struct thread *t = lua_touserdata(L, lua_upvalueindex(1));
    lua_State *state = t->state;

    if (state == NULL)
        return luaL_error(L, "the thread has been joined");
    t->state = NULL;
    pthread_join(t->id, NULL);
    if (t->closes < 0)
        return 0;
    push_error(L, state);
    if (t->closes)
        lua_close(state);
    return 1;
}

/* Push a function that joins the new thread. */
static int start(lua_State *L, lua_State *state, void *(*body)(void *),
                 lua_Integer stack, int closes)
{
    struct thread *t = lua_newuserdatauv(L, sizeof *t, 0);
    pthread_attr_t attributes;

    *t = (struct thread){.state = state, .closes = closes};
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)stack);
    if (pthread_create(&t->id, &attributes, body, state) != 0)
        return luaL_error(L, "no thread can be started");
    lua_pushcclosure(L, thread_join, 1);
    return 1;
}

static int thread_start(lua_State *L)
{
    lua_Integer stack = luaL_optinteger(L, 2, 1 << 20);
    lua_State *state = new_state(L);

    put_script(L, 1, state);
    return start(L, state, run, stack, 1);
}

/* ---- a state of several threads ---- */

struct owner {
    lua_State *state; /* NULL: closed */
};

static lua_State *check_state(lua_State *L)
{
    const struct owner *owner = luaL_checkudata(L, 1, STATE_TYPE);

    luaL_argcheck(L, owner->state != NULL, 1, "the state is closed");
    return owner->state;
}

/* After this, the state is the caller's to close. */
static lua_State *take_state(lua_State *L)
{
    lua_State *state = check_state(L);
    struct owner *owner = lua_touserdata(L, 1);

    owner->state = NULL;
    return state;
}

static int thread_state(lua_State *L)
{
    struct owner *owner = lua_newuserdatauv(L, sizeof *owner, 0);

    owner->state = new_state(L);
    luaL_setmetatable(L, STATE_TYPE);
    return 1;
}

static int state_run(lua_State *L)
{
    lua_State *state = check_state(L);

    put_script(L, 2, state);
    run(state);
    return push_error(L, state);
}

static int state_start(lua_State *L)
{
    lua_State *state = check_state(L);

    put_script(L, 2, state);
    return start(L, state, run, luaL_optinteger(L, 3, 1 << 20), 0);
}

static int state_close(lua_State *L)
{
    lua_close(take_state(L));
    return 0;
}

static int state_start_close(lua_State *L)
{
    return start(L, take_state(L), close_state, 1 << 20, -1);
}

static int thread_fork(lua_State *L)
{
    lua_pushinteger(L, fork());
    return 1;
}

__attribute__((visibility("default"))) int luaopen_thread(lua_State *L);

int luaopen_thread(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"fork", thread_fork},
        {"start", thread_start},
        {"state", thread_state},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"close", state_close}, {"run", state_run},
        {"start", state_start}, {"start_close", state_start_close},
        {NULL, NULL},
    };

    luaL_newmetatable(L, STATE_TYPE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
