/*
 * mask: blocks signals in the calling thread, as a host may do.
 *
 * block(number) and unblock(number) do so. is_caught(number) tells whether the
 * process has a handler for the signal. receive(number) has another thread
 * receive the signal. close_with_pending(script, number)
 * runs the script in a Lua state of its own, has another thread receive the
 * signal while this one blocks it, and closes the state before it unblocks it.
 * Returns what the script raised, or nil.
 */
#include <pthread.h>
#include <signal.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static void change(int number, int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(how, &set, NULL);
}

static int mask_block(lua_State *L)
{
    change((int)luaL_checkinteger(L, 1), SIG_BLOCK);
    return 0;
}

static int mask_unblock(lua_State *L)
{
    change((int)luaL_checkinteger(L, 1), SIG_UNBLOCK);
    return 0;
}

static int mask_is_caught(lua_State *L)
{
    struct sigaction action;

    if (sigaction((int)luaL_checkinteger(L, 1), NULL, &action) == -1)
        return luaL_error(L, "there is no such signal");
    lua_pushboolean(
        L, (action.sa_flags & SA_SIGINFO) != 0 ||
               (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN));
    return 1;
}

static void *receive(void *number)
{
    change(*(int *)number, SIG_UNBLOCK);
    pthread_kill(pthread_self(), *(int *)number);
    return NULL;
}

static int mask_receive(lua_State *L)
{
    int number = (int)luaL_checkinteger(L, 1);
    pthread_t thread;

    if (pthread_create(&thread, NULL, receive, &number) != 0)
        return luaL_error(L, "no thread can be started");
    pthread_join(thread, NULL);
    return 0;
}

static int mask_close_with_pending(lua_State *L)
{
    const char *script = luaL_checkstring(L, 1);
    int number = (int)luaL_checkinteger(L, 2);
    lua_State *state = luaL_newstate();
    pthread_t thread;

    luaL_openlibs(state);
    if (luaL_dostring(state, script) != LUA_OK) {
        lua_pushstring(L, lua_tostring(state, -1));
    } else {
        lua_pushnil(L);
        change(number, SIG_BLOCK);
        if (pthread_create(&thread, NULL, receive, &number) == 0)
            pthread_join(thread, NULL);
    }
    lua_close(state);
    change(number, SIG_UNBLOCK);
    return 1;
}

__attribute__((visibility("default"))) int luaopen_mask(lua_State *L);

int luaopen_mask(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"block", mask_block},
        {"is_caught", mask_is_caught},
        {"receive", mask_receive},
        {"unblock", mask_unblock},
        {"close_with_pending", mask_close_with_pending},
        {NULL, NULL},
    };

    luaL_newlib(L, functions);
    return 1;
}
