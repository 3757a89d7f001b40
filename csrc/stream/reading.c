/*
 * reading: one call that reads from a stream; see reading.h.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/field.h"
#include "stream/reading.h"

/* After an allocation, which may have run Lua code: find the bytes again. */
static enum outcome find_bytes(struct reading *r)
{
    const struct block *b = r->stream->in;

    if (r->stream->taken != r->from || block_used(b) < r->length)
        return CHANGED;
    if (b != NULL)
        r->bytes = b->bytes + b->start;
    return FOUND;
}

enum outcome reading_push_part(lua_State *L, struct reading *r, size_t from,
                               size_t size)
{
    lua_pushlstring(L, r->bytes + from, size);
    return find_bytes(r);
}

enum outcome reading_push(lua_State *L, struct reading *r, size_t size)
{
    size_t from = r->at;

    r->at += size;
    return reading_push_part(L, r, from, size);
}

enum outcome reading_push_nothing(lua_State *L)
{
    lua_pushnil(L);
    return NOTHING;
}

enum outcome reading_need(struct reading *r, size_t wanted)
{
    r->wanted = wanted;
    return MORE;
}

enum outcome reading_push_until(lua_State *L, struct reading *r,
                                const char *end, size_t size, size_t kept)
{
    size_t left = r->length - r->at;
    size_t length = end ? (size_t)(end - r->bytes) - r->at : left;

    if (length > r->max && (end != NULL || r->ended || length - r->max >= size))
        return TOO_MANY;
    if (end != NULL) {
        enum outcome outcome = reading_push(L, r, length + kept);

        r->at += size - kept;
        return outcome;
    }
    if (!r->ended) {
        r->scanned = r->length;
        return reading_need(r, 1);
    }
    return left > 0 ? reading_push(L, r, left) : reading_push_nothing(L);
}

enum outcome reading_go_on(lua_State *L, struct reading *r, size_t from)
{
    if (from > r->max)
        return TOO_MANY;
    if (!r->ended) {
        r->scanned = from;
        return reading_need(r, 1);
    }
    return r->length > 0 ? reading_push(L, r, r->length)
                         : reading_push_nothing(L);
}

/* Others may have read since the last attempt, up to or beyond what this call
 * has searched. */
static void start_reading(struct reading *r)
{
    const struct stream *s = r->stream;
    const struct block *b = s->in;
    size_t gone = s->taken - r->from;

    r->scanned = r->scanned > gone ? r->scanned - gone : 0;
    r->from = s->taken;
    r->bytes = b ? b->bytes + b->start : "";
    r->length = block_used(b);
    r->at = 0;
    r->ended = s->ended;
    if (r->scanned > r->length)
        r->scanned = 0;
}

static int finish_reading(lua_State *L, struct stream *s,
                          const struct reading *r, enum outcome outcome)
{
    if (outcome == TOO_MANY)
        return error_raise_for(L, r->caller, "read", EMSGSIZE, 0);
    s->taken += r->at;
    block_consume(&s->in, s->out.pool, r->at);
    return lua_gettop(L) - r->last;
}

/* Attempt to read until nothing is missing. False: `w` says why that cannot
 * be. */
static bool read_all_wanted(lua_State *L, struct stream *s, struct reading *r,
                            reader *read, struct wait *w, enum outcome *outcome)
{
    for (size_t came = 0;;) {
        size_t before;

        start_reading(r);
        *outcome = read(L, r);
        if (*outcome != MORE && *outcome != CHANGED)
            return true;
        lua_settop(L, r->last);
        w->progress = s->taken + r->scanned;
        if ((came > 0 || *outcome == CHANGED) && !wait_go_on(L, w, came))
            return false;
        came = 0;
        if (*outcome == CHANGED) {
            stream_check_open(L, 1, "read", WAIT_RESUMED);
            continue;
        }
        before = block_used(s->in);
        if (!stream_fill(L, s, w, r->wanted))
            return false;
        came = block_used(s->in) > before ? block_used(s->in) - before : 1;
    }
}

/* As wait_failed, in the name of the method that the script has called. */
static int fail_reading(lua_State *L, const struct wait *w, const char *caller)
{
    if (w->outcome == WAIT_WOULD_BLOCK)
        return wait_failed(L, w, 0);
    wait_push_error(L, w, 0);
    field_set_string(L, "caller", caller);
    return lua_error(L);
}

/* The call's progress is the stream offset up to which it has searched for the
 * delimiter. */
int reading_run(lua_State *L, const struct call *call, const char *caller,
                reader *read, lua_KContext context, size_t max)
{
    struct stream *s = stream_check_open(L, 1, "read", context);
    struct reading r = {
        .stream = s, .caller = caller, .last = lua_gettop(L), .max = max};
    enum outcome outcome;
    struct wait w;

    wait_start(L, &w, call, &s->socket->handle, 0, context);
    r.from = s->taken;
    if (context > WAIT_FIRST && w.progress > s->taken)
        r.scanned = (size_t)w.progress - s->taken;
    if (r.max == 0)
        r.max = s->max;
    if (!read_all_wanted(L, s, &r, read, &w, &outcome))
        return fail_reading(L, &w, caller);
    return finish_reading(L, s, &r, outcome);
}
