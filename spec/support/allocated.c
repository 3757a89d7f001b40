/*
 * allocated: how much memory is allocated, as the address sanitizer counts it.
 *
 * What the process has is no measure there: the sanitizer keeps what is freed,
 * and remembers who has allocated it.
 */
#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

/* NULL without the sanitizer. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* bytes() -> a number, or nil without the sanitizer. */
static int allocated_bytes(lua_State *L)
{
    if (__sanitizer_get_current_allocated_bytes == NULL)
        lua_pushnil(L);
    else
        lua_pushinteger(L,
                        (lua_Integer)__sanitizer_get_current_allocated_bytes());
    return 1;
}

__attribute__((visibility("default"))) int luaopen_allocated(lua_State *L);

int luaopen_allocated(lua_State *L)
{
    lua_pushcfunction(L, allocated_bytes);
    return 1;
}
