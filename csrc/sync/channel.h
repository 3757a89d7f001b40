/*
 * channel: values that tasks hand to tasks, in order.
 *
 * A value goes straight to the task that has waited longest in `get`, room
 * straight to the one that has waited longest in `put`. So there is nobody who
 * waits to get while there are values, nor to put while there is room, and
 * nobody overtakes.
 */
#ifndef SOCKEYE_SYNC_CHANNEL_H
#define SOCKEYE_SYNC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "loop/place.h"
#include "loop/state.h"

/* The values inside are a ring: its user values, or where there may be more of
 * them, a table that is its user value. */
struct channel {
    const void *tag;
    struct queue getters, putters;
    /* Tasks that have waited to get or to put, and have not run since. A task
     * that comes now lets them run first: else it alone would use all room that
     * there is, again and again. */
    struct queue served_getters, served_putters;
    size_t capacity; /* SIZE_MAX: no limit */
    size_t
        returned; /* values that tasks were given that have not run since: they
                        come before those in the ring */
    size_t count; /* values in the ring */
    size_t start; /* where the first is, from 0 */
    size_t size;  /* of the ring */
    bool closed;
};

enum channel_outcome { CHANNEL_DONE, CHANNEL_WOULD_WAIT, CHANNEL_CLOSED };

/* The channel at `index`; NULL: the value is none. */
struct channel *channel_test(lua_State *L, int index);

/* Push a new channel. */
struct channel *channel_new(lua_State *L, size_t capacity);

/* Put the value at `value` into the channel, which is at `index`, if that needs
 * no wait. Lua code may run meanwhile, and raises if memory fails: then nothing
 * is done. Leaves something on the stack. */
enum channel_outcome channel_give(lua_State *L, struct channel *ch, int index,
                                  int value);

/* Push the next value of the channel, which is at `index`, if that needs no
 * wait; something may be below it. Runs no Lua code. */
enum channel_outcome channel_take(lua_State *L, struct channel *ch, int index);

/* What the two above would return. */
enum channel_outcome channel_would_give(struct channel *ch);
enum channel_outcome channel_would_take(struct channel *ch);

/* How many values are inside. */
static inline size_t channel_count(const struct channel *ch)
{
    return ch->returned + ch->count;
}

/* What `lost` is for the place of a task that waits to get (loop/place.h): the
 * value goes to the next such task, or back into the channel. */
void channel_take_back(lua_State *L, struct place *p);

/* Close it: whoever waits is woken. */
void channel_close(struct channel *ch);

#endif
