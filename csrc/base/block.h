/*
 * block: memory for the bytes that a stream holds, taken when there are some
 * and given back when there are none.
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
    struct block *next; /* in the pool */
    size_t size;
    size_t start, end; /* what it holds, of `bytes` */
    char bytes[];
};

/* The pool of the Lua state; it lives as long as the state. */
struct pool *block_pool(lua_State *L);

/* How much is held; NULL: nothing. */
static inline size_t block_used(const struct block *b)
{
    return b == NULL ? 0 : b->end - b->start;
}

/* Have room for some more bytes, and for `wanted` if they are not too many at
 * once; how many. 0: there is no memory, and nothing has changed. */
size_t block_room(struct block **b, struct pool *pool, size_t wanted);

/* Have room for `size` bytes, which are then appended. False: there is no
 * memory, and nothing has changed. */
bool block_reserve(struct block **b, struct pool *pool, size_t size);
void block_append(struct block *b, const char *bytes, size_t size);

/* Take `size` bytes away from the front; an empty block is given back. */
void block_consume(struct block **b, struct pool *pool, size_t size);

/* Give it back, whatever it holds. */
void block_drop(struct block **b, struct pool *pool);

#endif
