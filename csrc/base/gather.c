/*
 * gather: collects the bytes of several calls; see gather.h.
 */
#include <string.h>

#include "base/gather.h"

#define GATHER_FIRST ((size_t)4096)

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void gather_new(lua_State *L, const char *bytes, size_t used, size_t wanted)
{
    size_t size =
        smaller(wanted, used < GATHER_FIRST / 2 ? GATHER_FIRST : used * 2);
    struct gather *g = lua_newuserdatauv(L, sizeof *g + size, 0);

    g->size = size;
    g->used = used;
    memcpy(g->bytes, bytes, used);
}

struct gather *gather_space(lua_State *L, size_t wanted)
{
    const struct gather *g = lua_touserdata(L, -1);

    if (g->used == g->size) {
        gather_new(L, g->bytes, g->used, wanted);
        lua_replace(L, -2);
    }
    return lua_touserdata(L, -1);
}

size_t gather_used(lua_State *L)
{
    const struct gather *g = lua_touserdata(L, -1);

    return g->used;
}

void gather_push(lua_State *L)
{
    const struct gather *g = lua_touserdata(L, -1);

    lua_pushlstring(L, g->bytes, g->used);
}
