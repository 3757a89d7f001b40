/*
 * clock: the clock that deadlines use; see clock.h and clock_gettime(2).
 */
#include <math.h>
#include <time.h>

#include "base/argument.h"
#include "base/clock.h"
#include "open.h"

#define LEAST_REST (NANOSECONDS / 1000)
#define MOST_DOUBLED 4

int64_t clock_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NANOSECONDS + ts.tv_nsec;
}

int64_t clock_after(int64_t nanoseconds)
{
    int64_t now;

    if (nanoseconds == NO_DEADLINE)
        return NO_DEADLINE;
    now = clock_now();
    return nanoseconds < NO_DEADLINE - now ? now + nanoseconds : NO_DEADLINE;
}

struct timespec *clock_left(int64_t deadline, struct timespec *left)
{
    int64_t nanoseconds = 0;

    if (deadline == NO_DEADLINE)
        return NULL;
    if (deadline > 0)
        nanoseconds = deadline - clock_now();
    if (nanoseconds < 0)
        nanoseconds = 0;
    left->tv_sec = (time_t)(nanoseconds / NANOSECONDS);
    left->tv_nsec = (long)(nanoseconds % NANOSECONDS);
    return left;
}

int64_t clock_rest(int attempts)
{
    if (attempts <= 0)
        return 0;
    return LEAST_REST << (attempts < MOST_DOUBLED ? attempts - 1
                                                  : MOST_DOUBLED);
}

int64_t clock_check_seconds(lua_State *L, int arg)
{
    return lua_isnoneornil(L, arg) ? NO_DEADLINE : clock_check_number(L, arg);
}

int64_t clock_check_number(lua_State *L, int arg)
{
    lua_Number seconds = luaL_checknumber(L, arg);

    luaL_argcheck(L, seconds >= 0, arg, "seconds must not be negative");
    if (seconds >= (lua_Number)(NO_DEADLINE / NANOSECONDS))
        return NO_DEADLINE;
    return (int64_t)ceil(seconds * (lua_Number)NANOSECONDS);
}

void clock_push_seconds(lua_State *L, int64_t nanoseconds)
{
    if (nanoseconds == NO_DEADLINE)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (lua_Number)nanoseconds / (lua_Number)NANOSECONDS);
}

/*** Return the time of a clock that never goes back (CLOCK_MONOTONIC), for
durations and deadlines.
@function now
@treturn number seconds, with fractions, since an arbitrary moment
@see time
*/
static int sockeye_now(lua_State *L)
{
    clock_push_seconds(L, clock_now());
    return 1;
}

/*** Return the time of day (CLOCK_REALTIME of clock_gettime(2)), for dates and
time stamps.
Somebody may set that clock, so that it leaps, also back: measure how long
something takes, and until when it may take, by `now`. `os.date` takes whole
seconds: `os.date("%c", sockeye.time() // 1 | 0)`.
@function time
@treturn number seconds, with fractions, since 1970 began in UTC
@see now
@usage print(("%.6f"):format(sockeye.time()))     --> 1767225600.250000
*/
static int sockeye_time(lua_State *L)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    lua_pushnumber(L, (lua_Number)ts.tv_sec +
                          (lua_Number)ts.tv_nsec / (lua_Number)NANOSECONDS);
    return 1;
}

void open_clock(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"now", sockeye_now},
        {"time", sockeye_time},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
