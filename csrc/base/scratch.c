/*
 * buffer: memory to receive into, without paying for more than arrives; see
 * buffer.h and mmap(2).
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include <lauxlib.h>

#include "base/error.h"
#include "base/scratch.h"
#include "open.h"

#define SCRATCH_TYPE "sockeye.Scratch"
/* The most that one system call receives (read(2), NOTES). */
#define TRANSFER_MAX ((size_t)0x7ffff000)
#define GATHER_FIRST ((size_t)4096)

/* One for each Lua state, in its registry. */
struct scratch {
    char *bytes; /* NULL: none */
    size_t size;
};

static const char scratch_key = 'b';

static void unmap(struct scratch *scratch)
{
    if (scratch->bytes != NULL)
        munmap(scratch->bytes, scratch->size);
    scratch->bytes = NULL;
    scratch->size = 0;
}

static bool map(struct scratch *scratch, size_t size)
{
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (bytes == MAP_FAILED)
        return false;
    scratch->bytes = bytes;
    scratch->size = size;
    return true;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct scratch *get_scratch(lua_State *L)
{
    struct scratch *scratch;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
    scratch = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return scratch;
}

char *scratch_take(lua_State *L, size_t *size)
{
    struct scratch *scratch = get_scratch(L);
    size_t wanted = smaller(*size, TRANSFER_MAX);

    if (wanted > scratch->size) {
        unmap(scratch);
        wanted = larger(wanted, SCRATCH_KEPT);
        while (!map(scratch, wanted)) {
            if (wanted == SCRATCH_KEPT)
                error_raise(L, "mmap", ENOMEM, 0);
            wanted = larger(wanted / 2, SCRATCH_KEPT);
        }
    }
    *size = smaller(*size, scratch->size);
    return scratch->bytes;
}

void scratch_trim(lua_State *L)
{
    unmap(get_scratch(L));
}

static int scratch_gc(lua_State *L)
{
    unmap(luaL_checkudata(L, 1, SCRATCH_TYPE));
    return 0;
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

struct gather *gather_room(lua_State *L, size_t wanted)
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

void open_scratch(lua_State *L)
{
    struct scratch *scratch = lua_newuserdatauv(L, sizeof *scratch, 0);

    *scratch = (struct scratch){NULL, 0};
    luaL_newmetatable(L, SCRATCH_TYPE);
    lua_pushcfunction(L, scratch_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key);
}
