/*
 * channel: values that tasks hand to tasks; see channel.h.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/argument.h"
#include "base/metatable.h"
#include "open.h"
#include "sync/channel.h"
#include "sync/waiting.h"
#include "task/report.h"

#define CHANNEL_TYPE "sockeye.Channel"
#define FEW 128    /* a capacity up to this has a user value for each value */
#define SMALLEST 8 /* table */
#define KEPT 1024  /* a larger table is dropped when it is empty */
#define LARGEST (INT_MAX / 2)

enum { TABLE = 1 }; /* the user value where the capacity is greater */

/* The user value after those of the ring: a list of the values that were
 * returned, each followed by its order. */
static int returned_slot(const struct channel *ch)
{
    return ch->capacity <= FEW ? (int)ch->capacity + 1 : TABLE + 1;
}

static const char channel_tag = 'c';

struct channel *channel_test(lua_State *L, int index)
{
    struct channel *ch = lua_touserdata(L, index);

    if (ch == NULL || lua_rawlen(L, index) != sizeof *ch ||
        ch->tag != &channel_tag)
        return NULL;
    return ch;
}

struct channel *channel_new(lua_State *L, size_t capacity)
{
    bool few = capacity <= FEW;
    struct channel *ch =
        lua_newuserdatauv(L, sizeof *ch, few ? (int)capacity + 1 : 2);

    memset(ch, 0, sizeof *ch);
    ch->tag = &channel_tag;
    ch->capacity = capacity;
    ch->size = few ? capacity : 0;
    luaL_setmetatable(L, CHANNEL_TYPE);
    return ch;
}

/* ---- the ring ---- */

/* The number of the value at `place` from the first one. */
static int number_of(const struct channel *ch, size_t place)
{
    size_t slot = ch->start + place;

    return (int)(slot < ch->size ? slot : slot - ch->size) + 1;
}

/* Make the table of the channel at `index` larger, unless a finalizer that runs
 * meanwhile has made room. */
static void grow(lua_State *L, struct channel *ch, int index)
{
    size_t size = ch->size > 0 ? 2 * ch->size : SMALLEST;

    if (size > LARGEST)
        luaL_error(L, "too many values in a channel");
    lua_createtable(L, (int)size, 0);
    if (ch->count < ch->size) {
        lua_pop(L, 1);
        return;
    }
    lua_getiuservalue(L, index, TABLE);
    for (size_t i = 0; i < ch->count; i++) {
        lua_rawgeti(L, -1, number_of(ch, i));
        lua_rawseti(L, -3, (lua_Integer)i + 1);
    }
    lua_pop(L, 1);
    lua_setiuservalue(L, index, TABLE);
    ch->start = 0;
    ch->size = size;
}

/* Append the value on top of the stack. There is room. Leaves something on the
 * stack. */
static void append(lua_State *L, struct channel *ch, int index)
{
    int number = number_of(ch, ch->count);

    ch->count++;
    if (ch->capacity <= FEW) {
        lua_setiuservalue(L, index, number);
        return;
    }
    lua_getiuservalue(L, index, TABLE);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, number);
}

/* Push the first value, out of the table. Leaves something below it. */
static void shift_table(lua_State *L, struct channel *ch, int index)
{
    int number = number_of(ch, 0);

    lua_getiuservalue(L, index, TABLE);
    lua_rawgeti(L, -1, number);
    lua_pushnil(L);
    lua_rawseti(L, -3, number);
    if (ch->count > 1 || ch->size <= KEPT)
        return;
    lua_pushnil(L);
    lua_setiuservalue(L, index, TABLE);
    ch->size = 0;
}

/* Push the first value, and take it out. */
static void shift(lua_State *L, struct channel *ch, int index)
{
    int number = number_of(ch, 0);

    if (ch->capacity <= FEW) {
        lua_getiuservalue(L, index, number);
        lua_pushnil(L);
        lua_setiuservalue(L, index, number);
    } else {
        shift_table(L, ch, index);
    }
    ch->start = (size_t)number < ch->size ? (size_t)number : 0;
    ch->count--;
}

/* ---- from task to task ---- */

enum channel_outcome channel_would_give(struct channel *ch)
{
    if (ch->closed)
        return CHANNEL_CLOSED;
    return channel_count(ch) < ch->capacity ||
                   (ch->getters.first != NULL &&
                    waiting_first(&ch->getters) != NULL)
               ? CHANNEL_DONE
               : CHANNEL_WOULD_WAIT;
}

enum channel_outcome channel_would_take(struct channel *ch)
{
    if (channel_count(ch) > 0 ||
        (ch->putters.first != NULL && waiting_first(&ch->putters) != NULL))
        return CHANNEL_DONE;
    return ch->closed ? CHANNEL_CLOSED : CHANNEL_WOULD_WAIT;
}

/* Give the value at `value` to the task that has waited longest. */
static bool hand_over(lua_State *L, struct channel *ch, int index, int value)
{
    struct place *p = waiting_first(&ch->getters);

    if (p == NULL)
        return false;
    waiting_hand(L, p, index, value);
    loop_meet(p);
    place_enter(&ch->served_getters, p);
    return true;
}

enum channel_outcome channel_give(lua_State *L, struct channel *ch, int index,
                                  int value)
{
    for (;;) {
        if (ch->closed)
            return CHANNEL_CLOSED;
        if (ch->getters.first != NULL && hand_over(L, ch, index, value))
            return CHANNEL_DONE;
        if (channel_count(ch) >= ch->capacity)
            return CHANNEL_WOULD_WAIT;
        if (ch->count < ch->size)
            break;
        grow(L, ch, index);
    }
    lua_pushvalue(L, value);
    append(L, ch, index);
    return CHANNEL_DONE;
}

/* Push the value of the task that has waited longest to put it. */
static bool take_over(lua_State *L, struct channel *ch)
{
    struct place *p = waiting_first(&ch->putters);

    if (p == NULL)
        return false;
    lua_pushvalue(p->co, p->value);
    lua_xmove(p->co, L, 1);
    loop_meet(p);
    place_enter(&ch->served_putters, p);
    return true;
}

/* Room has come: give it to the task that has waited longest. The value that has
 * made room stays on top of the stack. */
static void refill(lua_State *L, struct channel *ch, int index)
{
    int top = lua_gettop(L);

    if (take_over(L, ch))
        append(L, ch, index);
    lua_settop(L, top);
}

/* ---- what comes back ---- */

/* The stack of the function below. */
enum { RETURNED_CHANNEL = 1, RETURNED_VALUE, RETURNED_ORDER, RETURNED_LIST };

/* Insert the value into the list, behind those of a lower order. */
static void insert_returned(lua_State *L, const struct channel *ch)
{
    lua_Integer last = 2 * (lua_Integer)ch->returned;
    uint64_t order = (uint64_t)lua_tointeger(L, RETURNED_ORDER);

    for (; last > 0; last -= 2) {
        lua_rawgeti(L, RETURNED_LIST, last);
        if ((uint64_t)lua_tointeger(L, -1) < order)
            break;
        lua_rawseti(L, RETURNED_LIST, last + 2);
        lua_rawgeti(L, RETURNED_LIST, last - 1);
        lua_rawseti(L, RETURNED_LIST, last + 1);
    }
    lua_pushvalue(L, RETURNED_VALUE);
    lua_rawseti(L, RETURNED_LIST, last + 1);
    lua_pushvalue(L, RETURNED_ORDER);
    lua_rawseti(L, RETURNED_LIST, last + 2);
}

/* A finalizer may run as the list is made, and return another value. */
static int keep_returned(lua_State *L)
{
    struct channel *ch = lua_touserdata(L, RETURNED_CHANNEL);
    int slot = returned_slot(ch);

    lua_newtable(L);
    if (hand_over(L, ch, RETURNED_CHANNEL, RETURNED_VALUE))
        return 0;
    if (lua_getiuservalue(L, RETURNED_CHANNEL, slot) != LUA_TNIL) {
        lua_replace(L, RETURNED_LIST);
    } else {
        lua_settop(L, RETURNED_LIST);
        lua_pushvalue(L, RETURNED_LIST);
        lua_setiuservalue(L, RETURNED_CHANNEL, slot);
    }
    insert_returned(L, ch);
    ch->returned++;
    return 0;
}

void channel_take_back(lua_State *L, struct place *p)
{
    struct task *t = p->task;
    uint64_t order = p->order;

    place_leave(p);
    if (L == NULL || !lua_checkstack(L, LUA_MINSTACK))
        return;
    lua_pushcfunction(L, keep_returned);
    if (!waiting_recall(L, p)) {
        lua_pop(L, 1);
        return;
    }
    lua_pushinteger(L, (lua_Integer)order);
    if (lua_pcall(L, 3, 0, 0) != LUA_OK)
        report_error(L, t);
}

/* Push the first value that was returned, out of the list. Leaves something
 * below it. */
static void shift_returned(lua_State *L, struct channel *ch, int index)
{
    int slot = returned_slot(ch);
    lua_Integer last = 2 * (lua_Integer)ch->returned;

    lua_getiuservalue(L, index, slot);
    lua_rawgeti(L, -1, 1);
    for (lua_Integer i = 1; i <= last; i++) {
        lua_rawgeti(L, -2, i + 2);
        lua_rawseti(L, -3, i);
    }
    ch->returned--;
}

enum channel_outcome channel_take(lua_State *L, struct channel *ch, int index)
{
    if (channel_count(ch) > 0) {
        if (ch->returned > 0)
            shift_returned(L, ch, index);
        else
            shift(L, ch, index);
        if (ch->putters.first != NULL && channel_count(ch) < ch->capacity)
            refill(L, ch, index);
        return CHANNEL_DONE;
    }
    if (take_over(L, ch))
        return CHANNEL_DONE;
    return ch->closed ? CHANNEL_CLOSED : CHANNEL_WOULD_WAIT;
}

void channel_close(struct channel *ch)
{
    ch->closed = true;
    loop_meet_all(&ch->putters);
    loop_meet_all(&ch->getters);
}

/* Nobody waits any more, but for a coroutine that a script has closed. */
static int channel_gc(lua_State *L)
{
    struct channel *ch = channel_test(L, 1);

    if (ch == NULL)
        return 0;
    place_empty(&ch->putters);
    place_empty(&ch->getters);
    place_empty(&ch->served_putters);
    place_empty(&ch->served_getters);
    return 0;
}

void open_channel(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", channel_gc},
        {NULL, NULL},
    };

    metatable_push_sparse(L, CHANNEL_TYPE, metamethods);
    lua_pop(L, 1);
}
