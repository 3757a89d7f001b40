/*
 * channel_methods: the function channel, and the methods of channels.
 *
 * Functions named sockeye_* are the module's, channel_* methods.
 */
#include <errno.h>
#include <stdint.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/metatable.h"
#include "open.h"
#include "sync/channel.h"
#include "sync/waiting.h"

#define CHANNEL_TYPE "sockeye.Channel"

/* Stack indices of put and get. */
enum { CHANNEL = 1, VALUE, PUT_DEADLINE, GET_DEADLINE = VALUE };

static struct channel *check_channel(lua_State *L, int arg)
{
    struct channel *ch = channel_test(L, arg);

    if (ch == NULL)
        luaL_typeerror(L, arg, CHANNEL_TYPE);
    return ch;
}

/* A capacity that no memory holds sets no limit. */
static size_t check_capacity(lua_State *L, int arg)
{
    lua_Number number = luaL_optnumber(L, arg, 0);
    lua_Integer capacity;

    if (number >= (lua_Number)INT32_MAX)
        return SIZE_MAX;
    luaL_argcheck(L, number >= 0, arg, "number that is not negative expected");
    capacity = (lua_Integer)number;
    luaL_argcheck(L, (lua_Number)capacity == number, arg,
                  "integer or math.huge expected");
    return (size_t)capacity;
}

/*** Create a channel between tasks.
@function channel
@number[opt=0] capacity how many values it holds before `put` waits;
`math.huge` sets no limit
@treturn Channel
@raise argument error for a negative capacity, or one with a fraction
@usage
local jobs = sockeye.channel(10)
sockeye.spawn(function() for job in jobs:values() do work(job) end end)
*/
static int sockeye_channel(lua_State *L)
{
    channel_new(L, check_capacity(L, 1));
    return 1;
}

static struct channel *check_put(lua_State *L)
{
    struct channel *ch = check_channel(L, CHANNEL);

    if (lua_isnoneornil(L, VALUE))
        luaL_typeerror(L, VALUE, "value");
    return ch;
}

/* ---- put ---- */

static int put_step(lua_State *L, int status, lua_KContext context);

static const struct call put_call = {"put", 0, put_step};

static int put(lua_State *L, struct channel *ch, lua_KContext context)
{
    enum channel_outcome outcome;
    bool closed;

    if (context == WAIT_FIRST && ch->served_putters.first != NULL)
        waiting_let_others(L, &put_call);
    waiting_begin(L, &put_call, context);
    if (context == WAIT_RESUMED &&
        waiting_met(L, &put_call, true, &closed) != NULL)
        outcome = closed ? CHANNEL_CLOSED : CHANNEL_DONE;
    else
        outcome = channel_give(L, ch, CHANNEL, VALUE);
    if (outcome == CHANNEL_CLOSED)
        return error_raise_because(L, "put", EPIPE, "the channel is closed");
    if (outcome == CHANNEL_WOULD_WAIT) {
        const struct waiting waiting = {&ch->putters, VALUE, PUT_DEADLINE,
                                        NULL};

        return waiting_pause(L, &put_call, &waiting, context);
    }
    lua_pushvalue(L, CHANNEL);
    return 1;
}

static int put_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return put(L, check_put(L), context);
}

/*** Put a value into the channel.
Waits while the channel is full, behind those that wait already. A channel
without capacity is full until a task waits in `get`: `put` returns when that
task has the value. Outside of tasks, in the handler of a signal for one, it
works where it need not wait.
@function Channel:put
@param value any value but nil
@number[opt] seconds how long to wait at most
@treturn Channel itself
@raise EPIPE for a closed channel; ETIMEDOUT with `timeout` when the seconds
have run out; ECANCELED
*/
static int channel_put(lua_State *L)
{
    struct channel *ch = check_put(L);

    if (lua_gettop(L) > VALUE)
        waiting_take_seconds(L, PUT_DEADLINE);
    return put(L, ch, WAIT_FIRST);
}

static int try_put_step(lua_State *L, int status, lua_KContext context);

static const struct call try_put_call = {"try_put", 0, try_put_step};

static int try_put_step(lua_State *L, int status, lua_KContext context)
{
    struct channel *ch = check_put(L);
    enum channel_outcome outcome;

    (void)status;
    waiting_draw(L, &try_put_call, context);
    outcome = channel_give(L, ch, CHANNEL, VALUE);
    lua_pushboolean(L, outcome == CHANNEL_DONE);
    if (outcome == CHANNEL_DONE)
        return 1;
    lua_pushstring(L, outcome == CHANNEL_CLOSED ? "closed" : "full");
    return 2;
}

/*** Put a value into the channel, unless that would have to wait.
Never raises a cancellation.
@function Channel:try_put
@param value any value but nil
@treturn boolean true; or false, followed by
@treturn string `"full"` or `"closed"`
*/
static int channel_try_put(lua_State *L)
{
    return try_put_step(L, LUA_OK, WAIT_FIRST);
}

/* ---- get ---- */

/* A value that was handed over is on top of the stack. The channel is at
 * `index`, but first on the stack while the task waits. */
static int get(lua_State *L, struct channel *ch, int index,
               const struct call *call, lua_KContext context)
{
    enum channel_outcome outcome = CHANNEL_DONE;
    const struct place *p = NULL;
    bool closed;

    if (context == WAIT_FIRST && ch->served_getters.first != NULL)
        waiting_let_others(L, call);
    waiting_begin(L, call, context);
    if (context == WAIT_RESUMED)
        p = waiting_met(L, call, true, &closed);
    if (p == NULL)
        outcome = channel_take(L, ch, index);
    else if (!closed)
        waiting_receive(L, p);
    else
        outcome = CHANNEL_CLOSED;
    if (outcome == CHANNEL_WOULD_WAIT) {
        const struct waiting waiting = {&ch->getters, 0, GET_DEADLINE,
                                        channel_take_back};

        if (index != CHANNEL) {
            lua_settop(L, 0);
            lua_pushvalue(L, index);
        }
        return waiting_pause(L, call, &waiting, context);
    }
    if (outcome == CHANNEL_CLOSED)
        lua_pushnil(L);
    return 1;
}

static int get_step(lua_State *L, int status, lua_KContext context);

static const struct call get_call = {"get", 0, get_step};

static int get_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return get(L, check_channel(L, CHANNEL), CHANNEL, &get_call, context);
}

/*** Take the next value out of the channel.
Waits until there is one, behind those that wait already. A task that is
cancelled while it waits takes no value along; one that has been given a value
returns it, and its next wait raises. Outside of tasks it works where it need
not wait.
@function Channel:get
@number[opt] seconds how long to wait at most
@return the value; nil once the channel is closed and empty
@raise ETIMEDOUT with `timeout` when the seconds have run out; ECANCELED
*/
static int channel_get(lua_State *L)
{
    struct channel *ch = check_channel(L, CHANNEL);

    if (lua_gettop(L) > CHANNEL)
        waiting_take_seconds(L, GET_DEADLINE);
    return get(L, ch, CHANNEL, &get_call, WAIT_FIRST);
}

static int try_get_step(lua_State *L, int status, lua_KContext context);

static const struct call try_get_call = {"try_get", 0, try_get_step};

static int try_get_step(lua_State *L, int status, lua_KContext context)
{
    struct channel *ch = check_channel(L, CHANNEL);
    enum channel_outcome outcome;

    (void)status;
    waiting_draw(L, &try_get_call, context);
    outcome = channel_take(L, ch, CHANNEL);
    if (outcome == CHANNEL_DONE)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, outcome == CHANNEL_CLOSED ? "closed" : "empty");
    return 2;
}

/*** Take the next value out of the channel, unless that would have to wait.
Never raises a cancellation.
@function Channel:try_get
@return the value; or nil, followed by
@treturn string `"empty"` or `"closed"`
*/
static int channel_try_get(lua_State *L)
{
    lua_settop(L, CHANNEL);
    return try_get_step(L, LUA_OK, WAIT_FIRST);
}

static int next_step(lua_State *L, int status, lua_KContext context);

static const struct call next_call = {"get", 0, next_step};

static int next_step(lua_State *L, int status, lua_KContext context)
{
    int index = lua_upvalueindex(1);

    (void)status;
    return get(L, lua_touserdata(L, index), index, &next_call, context);
}

static int next_value(lua_State *L)
{
    return next_step(L, LUA_OK, WAIT_FIRST);
}

/*** Iterate over the values, until the channel is closed and empty.
@function Channel:values
@treturn function
@raise the iterator, as `get`
@usage for job in jobs:values() do … end
*/
static int channel_values(lua_State *L)
{
    check_channel(L, CHANNEL);
    lua_settop(L, CHANNEL);
    lua_pushcclosure(L, next_value, 1);
    return 1;
}

/* ---- the rest ---- */

/*** Close the channel, so that nothing more can be put in.
What is inside can still be taken out; tasks that wait in `put` raise EPIPE,
those that wait in `get` return nil. Closing twice does no harm. A `<close>`
variable closes its channel.
@function Channel:close
@treturn Channel itself
*/
static int channel_close_method(lua_State *L)
{
    channel_close(check_channel(L, CHANNEL));
    lua_settop(L, CHANNEL);
    return 1;
}

static int channel_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)channel_count(check_channel(L, CHANNEL)));
    return 1;
}

/* Push how many tasks wait, and what for: an empty string if none does. */
static void push_waiting(lua_State *L, const struct channel *ch)
{
    int getters = waiting_count(&ch->getters);
    int putters = waiting_count(&ch->putters);

    if (getters > 0)
        lua_pushfstring(L, ", %d waiting to get", getters);
    else if (putters > 0)
        lua_pushfstring(L, ", %d waiting to put", putters);
    else
        lua_pushliteral(L, "");
}

/* "channel(0 of 10, 2 waiting to get)" */
static int channel_tostring(lua_State *L)
{
    const struct channel *ch = check_channel(L, CHANNEL);
    const char *closed = ch->closed ? " closed" : "";
    lua_Integer count = (lua_Integer)channel_count(ch);

    push_waiting(L, ch);
    if (ch->capacity == SIZE_MAX)
        lua_pushfstring(L, "channel(%I of inf%s%s)", count, closed,
                        lua_tostring(L, -1));
    else
        lua_pushfstring(L, "channel(%I of %I%s%s)", count,
                        (lua_Integer)ch->capacity, closed, lua_tostring(L, -1));
    return 1;
}

void open_channel_methods(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"channel", sockeye_channel},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"close", channel_close_method},
        {"get", channel_get},
        {"put", channel_put},
        {"try_get", channel_try_get},
        {"try_put", channel_try_put},
        {"values", channel_values},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", channel_close_method},
        {"__len", channel_len},
        {"__tostring", channel_tostring},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    metatable_push(L, CHANNEL_TYPE, metamethods);
    lua_pop(L, 1);
    metatable_add_methods(L, CHANNEL_TYPE, methods);
}
