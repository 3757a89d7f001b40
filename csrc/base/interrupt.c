/*
 * interrupt: runs the Lua hook that a signal handler has set; see interrupt.h.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "base/argument.h"
#include "base/interrupt.h"

/* Needs one slot of the stack. */
static lua_State *main_thread(lua_State *L)
{
    lua_State *main;

    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main;
}

lua_State *interrupt_main_thread(lua_State *L)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    return main_thread(L);
}

static void (*_Atomic on_find)(lua_State *main);

void interrupt_on_find(void (*find)(lua_State *main))
{
    atomic_store(&on_find, find);
}

void interrupt_find_thread(lua_State *L)
{
    void (*find)(lua_State * main) =
        atomic_load_explicit(&on_find, memory_order_relaxed);

    if (find != NULL)
        find(interrupt_main_thread(L));
}

/* Return whether a signal handler has set a hook. Such a hook is called for
 * every event of the main thread; a handler can safely do nothing else. */
static bool is_hooked(lua_State *main)
{
    return (lua_gethookmask(main) & LUA_MASKCALL) &&
           lua_gethookcount(main) == 1;
}

/* Call the main thread's hook on L, which may be any coroutine and may itself
 * be inside a hook, where Lua would call none. A hook that raises is removed;
 * one that returns stays, since it may be a debugger's. */
static void call_hook(lua_State *L, lua_State *main)
{
    lua_Hook hook = lua_gethook(main);
    int mask = lua_gethookmask(main);
    int top = lua_gettop(L);
    lua_Debug ar;

    lua_sethook(main, NULL, 0, 0);
    lua_getstack(L, 0, &ar);
    ar.event = LUA_HOOKCOUNT;
    ar.currentline = -1;
    hook(L, &ar);
    lua_settop(L, top);
    if (lua_gethook(main) == NULL)
        lua_sethook(main, hook, mask, 1);
}

/* Twice: our hook restores the one it had replaced, which may be due as
 * well. */
void interrupt_run(lua_State *L)
{
    lua_State *main = interrupt_main_thread(L);

    interrupt_find_thread(L);
    for (int turn = 0; turn < 2 && is_hooked(main); turn++)
        call_hook(L, main);
}

bool interrupt_is_due(lua_State *L)
{
    return is_hooked(main_thread(L));
}
