/*
 * interval: the function interval: turns at a fixed distance of time.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "open.h"
#include "sync/waiting.h"
#include "task/outside.h"

/* The iterator's upvalues, in nanoseconds: the distance, and when the next turn
 * is due. */
enum { DISTANCE = 1, DUE };

static int interval_step(lua_State *L, int status, lua_KContext context);

static const struct call interval_call = {"interval", 0, interval_step};

static int64_t next_due(lua_State *L)
{
    return lua_tointeger(L, lua_upvalueindex(DUE));
}

/* Outside of tasks an enclosing `timeout` may come first. A signal's handler may
 * take the turn: then the next one is waited for. */
static void wait_outside(lua_State *L)
{
    int64_t due;

    while ((due = next_due(L)) > clock_now()) {
        int64_t limit = outside_limit(L, due);
        bool has_waited = wait_poll(NULL, 0, limit) != -1;

        if (has_waited && limit < due)
            error_raise_canceled(L, "interval", 0);
        if (!has_waited && errno != EINTR)
            error_raise(L, "interval", errno, 0);
        interrupt_run(L);
    }
}

/* Return how many turns after the one that was due have passed as well, and
 * note when the next is due. */
static int push_missed(lua_State *L, int64_t now)
{
    int64_t due = next_due(L);
    int64_t distance = lua_tointeger(L, lua_upvalueindex(DISTANCE));
    int64_t missed = now > due ? (now - due) / distance : 0;
    int64_t next = due + missed * distance;

    next = next > NO_DEADLINE - distance ? NO_DEADLINE : next + distance;
    lua_pushinteger(L, next);
    lua_replace(L, lua_upvalueindex(DUE));
    lua_pushinteger(L, missed);
    return 1;
}

/* While a task waits, others may take turns of the same iterator: its deadline
 * is no longer that of the turn then. */
static int interval_step(lua_State *L, int status, lua_KContext context)
{
    int64_t now;
    struct task *t;

    (void)status;
    waiting_begin(L, &interval_call, context);
    now = clock_now();
    if (now >= next_due(L))
        return push_missed(L, now);
    t = task_that_may_wait(L);
    if (t == NULL) {
        wait_outside(L);
        return push_missed(L, next_due(L));
    }
    task_pause(L, t, t, "interval", next_due(L), false);
    return task_suspend(L, t, task_wait_name(t, "interval"), WAIT_RESUMED,
                        interval_step);
}

static int next_turn(lua_State *L)
{
    lua_settop(L, 0);
    return interval_step(L, LUA_OK, WAIT_FIRST);
}

/*** Iterate in turns at a fixed distance of time.
The first turn comes after one interval, and the turns do not drift, however
long the loop's body takes. Where it takes longer than an interval, the next
turn comes at once, and those that have passed meanwhile are left out. This
works outside `run`, too.
@function interval
@number seconds between two turns, with fractions; more than 0
@treturn function an iterator; each call waits for the next turn, and returns
how many turns were left out before it: 0 if none were
@raise argument error for a number that is not positive; the iterator:
ECANCELED; any error of a signal handler
@usage
for missed in sockeye.interval(1) do
  print(os.date(), missed)
end
*/
static int sockeye_interval(lua_State *L)
{
    int64_t distance;

    distance = clock_check_number(L, 1);
    luaL_argcheck(L, distance > 0, 1, "positive number of seconds expected");
    lua_pushinteger(L, distance);
    lua_pushinteger(L, clock_after(distance));
    lua_pushcclosure(L, next_turn, 2);
    return 1;
}

void open_interval(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"interval", sockeye_interval},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
