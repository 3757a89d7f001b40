/*
 * foreign: memory of the C library, held by a userdata; see foreign.h.
 */
#include <lauxlib.h>

#include "base/c_memory.h"

#define FOREIGN_TYPE "sockeye.foreign"

struct foreign *foreign_new(lua_State *L, void (*release)(void *memory))
{
    struct foreign *f = lua_newuserdatauv(L, sizeof *f, 0);

    *f = (struct foreign){.release = release};
    luaL_setmetatable(L, FOREIGN_TYPE);
    return f;
}

void foreign_release(struct foreign *f)
{
    void *memory = f->memory;

    f->memory = NULL;
    if (memory != NULL)
        f->release(memory);
}

static int foreign_gc(lua_State *L)
{
    foreign_release(luaL_checkudata(L, 1, FOREIGN_TYPE));
    return 0;
}

void open_foreign(lua_State *L)
{
    luaL_newmetatable(L, FOREIGN_TYPE);
    lua_pushcfunction(L, foreign_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
