/*
 * event: the function event and its methods: a flag that tasks wait for.
 *
 * Functions named event_* are methods.
 */
#include <string.h>

#include "base/argument.h"
#include "base/metatable.h"
#include "open.h"
#include "sync/waiting.h"

#define EVENT_TYPE "sockeye.Event"

enum { SELF = 1, DEADLINE };

struct event {
    bool set;
    struct queue waiting;
};

static struct event *check_event(lua_State *L)
{
    return waiting_check_self(L, EVENT_TYPE);
}

/*** Create an event: a flag that tasks wait for. It is not set at first.
@function event
@treturn Event
@usage
local ready = sockeye.event()
sockeye.spawn(function() load() ready:set() end)
ready:wait()
*/
static int sockeye_event(lua_State *L)
{
    struct event *e = lua_newuserdatauv(L, sizeof *e, 0);

    memset(e, 0, sizeof *e);
    luaL_setmetatable(L, EVENT_TYPE);
    return 1;
}

/*** Set the event, which wakes every task that waits for it.
These return from `wait` even if the event is cleared before they run. It stays
set until it is cleared.
@function Event:set
@treturn Event itself
*/
static int event_set(lua_State *L)
{
    struct event *e = check_event(L);

    e->set = true;
    loop_meet_all(&e->waiting);
    lua_settop(L, SELF);
    return 1;
}

/*** Clear the event, so that `wait` waits again.
@function Event:clear
@treturn Event itself
*/
static int event_clear(lua_State *L)
{
    check_event(L)->set = false;
    lua_settop(L, SELF);
    return 1;
}

/*** Return whether the event is set.
@function Event:is_set
@treturn boolean
*/
static int event_is_set(lua_State *L)
{
    lua_pushboolean(L, check_event(L)->set);
    return 1;
}

static int wait_step(lua_State *L, int status, lua_KContext context);

static const struct call wait_call = {"wait", 0, wait_step};

static int wait_step(lua_State *L, int status, lua_KContext context)
{
    struct event *e = check_event(L);
    bool ended;

    (void)status;
    waiting_begin(L, &wait_call, context);
    if ((context != WAIT_RESUMED ||
         waiting_met(L, &wait_call, true, &ended) == NULL) &&
        !e->set) {
        const struct waiting waiting = {&e->waiting, 0, DEADLINE, NULL};

        return waiting_pause(L, &wait_call, &waiting, context);
    }
    lua_settop(L, SELF);
    return 1;
}

/*** Wait until the event is set.
Outside of tasks this works where it is set.
@function Event:wait
@number[opt] seconds how long to wait at most
@treturn Event itself
@raise ETIMEDOUT with `timeout` when the seconds have run out; ECANCELED
*/
static int event_wait(lua_State *L)
{
    check_event(L);
    waiting_take_seconds(L, DEADLINE);
    return wait_step(L, LUA_OK, WAIT_FIRST);
}

static int event_tostring(lua_State *L)
{
    const struct event *e = check_event(L);

    lua_pushfstring(L, "event(%s, %d waiting)", e->set ? "set" : "clear",
                    waiting_count(&e->waiting));
    return 1;
}

static int event_gc(lua_State *L)
{
    place_empty(&check_event(L)->waiting);
    return 0;
}

void open_event(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"event", sockeye_event},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"clear", event_clear}, {"is_set", event_is_set},
        {"set", event_set},     {"wait", event_wait},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", event_gc},
        {"__tostring", event_tostring},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    metatable_push(L, EVENT_TYPE, metamethods);
    lua_pop(L, 1);
    metatable_add_methods(L, EVENT_TYPE, methods);
}
