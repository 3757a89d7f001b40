/*
 * block: memory for the bytes that a stream holds, taken when bytes come and
 * returned when none are left.
 *
 * Blocks of the usual size are kept in a pool, one for each Lua state. A block
 * belongs to the userdata whose pointer holds it.
 */
#ifndef SOCKEYE_BASE_BLOCK_H
#define SOCKEYE_BASE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

struct pool;

struct block {
    struct block *next; /* links the free blocks of the pool */
    size_t size;
    size_t start, end; /* the part of `bytes` in use */
    char bytes[];
};

/* Return the pool of the Lua state, which lives as long as the state. */
struct pool *block_pool(lua_State *L);

/* Return how many bytes the block holds; NULL holds none. */
static inline size_t block_used(const struct block *b)
{
    return b == NULL ? 0 : b->end - b->start;
}

/* Make space for more bytes, at best `wanted`. Returns how many fit; 0: no
 * memory, nothing changed. */
size_t block_space(struct block **b, struct pool *pool, size_t wanted);

/* Make space for `size` bytes, which block_append then copies. Returns false if
 * there is no memory, and changes nothing. */
bool block_reserve(struct block **b, struct pool *pool, size_t size);
void block_append(struct block *b, const char *bytes, size_t size);

/* Remove `size` bytes from the front; an empty block returns to the pool. */
void block_consume(struct block **b, struct pool *pool, size_t size);

/* Return the block to the pool, with all that it holds. */
void block_drop(struct block **b, struct pool *pool);

#endif
