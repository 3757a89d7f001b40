/*
 * block: memory for the bytes that a stream holds; see block.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/argument.h"
#include "base/block.h"
#include "base/metatable.h"
#include "open.h"

#define POOL_TYPE "sockeye.Pool"
#define USUAL_SIZE ((size_t)17 * 4096 - sizeof(struct block) - 16)
#define LEAST_SPACE ((size_t)2048)
#define POOLED_BLOCKS 32

struct pool {
    struct block *first;
    int count;
    int kept; /* the most blocks that are kept */
};

static const char pool_key = 'p';

struct pool *block_pool(lua_State *L)
{
    struct pool *pool;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &pool_key);
    pool = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return pool;
}

static struct block *take(struct pool *pool, size_t size)
{
    struct block *b = size <= USUAL_SIZE ? pool->first : NULL;

    if (size < USUAL_SIZE)
        size = USUAL_SIZE;
    if (b != NULL) {
        pool->first = b->next;
        pool->count--;
    } else {
        b = malloc(sizeof *b + size);
        if (b == NULL)
            return NULL;
        b->size = size;
    }
    b->next = NULL;
    b->start = b->end = 0;
    return b;
}

void block_drop(struct block **b, struct pool *pool)
{
    struct block *old = *b;

    *b = NULL;
    if (old == NULL)
        return;
    if (old->size != USUAL_SIZE || pool->count >= pool->kept) {
        free(old);
        return;
    }
    old->next = pool->first;
    pool->first = old;
    pool->count++;
}

void block_consume(struct block **b, struct pool *pool, size_t size)
{
    struct block *block = *b;

    if (block == NULL)
        return;
    block->start += size;
    if (block->start == block->end)
        block_drop(b, pool);
}

static void compact(struct block *b)
{
    memmove(b->bytes, b->bytes + b->start, b->end - b->start);
    b->end -= b->start;
    b->start = 0;
}

/* Enlarge the block to hold `size` bytes. Returns false without memory. */
static bool grow(struct block **b, size_t size)
{
    struct block *block = *b;

    if (block->start > 0)
        compact(block);
    if (size <= block->size)
        return true;
    block = realloc(block, sizeof *block + size);
    if (block == NULL)
        return false;
    block->size = size;
    *b = block;
    return true;
}

/* The block doubles when it is full, whatever is wanted: memory follows the
 * bytes that really arrive. */
size_t block_space(struct block **b, struct pool *pool, size_t wanted)
{
    struct block *block = *b;
    size_t space;

    if (block == NULL) {
        *b = block = take(pool, 1);
        return block ? block->size : 0;
    }
    space = block->size - block->end;
    if (space >= LEAST_SPACE && (space >= wanted || space >= block->size / 2))
        return space;
    if (block->start >= block->size / 2)
        compact(block);
    else if (space < LEAST_SPACE)
        grow(b, block->size * 2);
    return (*b)->size - (*b)->end;
}

bool block_reserve(struct block **b, struct pool *pool, size_t size)
{
    struct block *block = *b;
    size_t needed;

    if (block == NULL) {
        *b = take(pool, size);
        return *b != NULL;
    }
    if (block->size - block->end >= size)
        return true;
    needed = block_used(block) + size;
    if (needed > block->size && needed < block->size * 2)
        needed = block->size * 2;
    return grow(b, needed);
}

void block_append(struct block *b, const char *bytes, size_t size)
{
    memcpy(b->bytes + b->end, bytes, size);
    b->end += size;
}

/* Streams collected after the pool free their blocks. */
static int pool_gc(lua_State *L)
{
    struct pool *pool = luaL_checkudata(L, 1, POOL_TYPE);
    struct block *next;

    for (struct block *b = pool->first; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    *pool = (struct pool){NULL, 0, 0};
    return 0;
}

void open_block(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", pool_gc},
        {NULL, NULL},
    };
    struct pool *pool = lua_newuserdatauv(L, sizeof *pool, 0);

    *pool = (struct pool){NULL, 0, POOLED_BLOCKS};
    metatable_push(L, POOL_TYPE, metamethods);
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pool_key);
}
