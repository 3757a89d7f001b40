/*
 * scratch: large buffers that cost only the memory of what arrives; see
 * scratch.h and mmap(2).
 */
#include <errno.h>
#include <sys/mman.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/metatable.h"
#include "base/scratch.h"
#include "open.h"

#define SCRATCH_TYPE "sockeye.Scratch"

/* Registry key of the Lua state's scratch memory. */
static const char scratch_key = 'b';

void scratch_unmap(struct scratch *scratch)
{
    if (scratch->bytes != NULL)
        munmap(scratch->bytes, scratch->size);
    scratch->bytes = NULL;
    scratch->size = 0;
}

bool scratch_map(struct scratch *scratch, size_t size)
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

/* Push the scratch memory of the Lua state. It is made where there is none: a
 * call that is under way may have leased it. */
static struct scratch *push_scratch(lua_State *L)
{
    struct scratch *scratch;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
    scratch = lua_touserdata(L, -1);
    if (scratch != NULL)
        return scratch;
    lua_pop(L, 1);
    scratch = lua_newuserdatauv(L, sizeof *scratch, 0);
    *scratch = (struct scratch){NULL, 0};
    luaL_setmetatable(L, SCRATCH_TYPE);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key);
    return scratch;
}

static struct scratch *get_scratch(lua_State *L)
{
    struct scratch *scratch = push_scratch(L);

    lua_pop(L, 1);
    return scratch;
}

char *scratch_take(lua_State *L, size_t *size)
{
    struct scratch *scratch = get_scratch(L);
    size_t wanted = smaller(*size, TRANSFER_MAX);

    if (wanted > scratch->size) {
        scratch_unmap(scratch);
        wanted = larger(wanted, SCRATCH_KEPT);
        while (!scratch_map(scratch, wanted)) {
            if (wanted == SCRATCH_KEPT)
                error_raise(L, "mmap", errno, 0);
            wanted = larger(wanted / 2, SCRATCH_KEPT);
        }
    }
    *size = smaller(*size, scratch->size);
    return scratch->bytes;
}

void scratch_lease(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
    lua_pushboolean(L, false);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key);
}

void scratch_return(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key);
}

void scratch_trim(lua_State *L)
{
    scratch_unmap(get_scratch(L));
}

static int scratch_gc(lua_State *L)
{
    scratch_unmap(luaL_checkudata(L, 1, SCRATCH_TYPE));
    return 0;
}

void open_scratch(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", scratch_gc},
        {NULL, NULL},
    };

    metatable_push(L, SCRATCH_TYPE, metamethods);
    lua_pop(L, 1);
    get_scratch(L);
}
