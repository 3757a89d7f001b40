/*
 * c_memory: memory of the C library, owned by a userdata; see c_memory.h.
 */

#include "base/argument.h"
#include "base/c_memory.h"
#include "base/metatable.h"
#include "open.h"

#define C_MEMORY_TYPE "sockeye.c_memory"

struct c_memory *c_memory_new(lua_State *L, void (*release)(void *memory))
{
    struct c_memory *f = lua_newuserdatauv(L, sizeof *f, 0);

    *f = (struct c_memory){.release = release};
    luaL_setmetatable(L, C_MEMORY_TYPE);
    return f;
}

void c_memory_release(struct c_memory *f)
{
    void *memory = f->memory;

    f->memory = NULL;
    if (memory != NULL)
        f->release(memory);
}

static int c_memory_gc(lua_State *L)
{
    c_memory_release(luaL_checkudata(L, 1, C_MEMORY_TYPE));
    return 0;
}

void open_c_memory(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", c_memory_gc},
        {NULL, NULL},
    };

    metatable_push(L, C_MEMORY_TYPE, metamethods);
    lua_pop(L, 1);
}
