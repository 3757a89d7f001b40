/*
 * clock: the clock that deadlines use, and the seconds of scripts.
 *
 * Times and durations are in nanoseconds; NO_DEADLINE means for ever.
 */
#ifndef SOCKEYE_BASE_CLOCK_H
#define SOCKEYE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include <lua.h>

#define NANOSECONDS INT64_C(1000000000) /* in a second */
#define NO_DEADLINE INT64_MAX

/* Return the time of a clock that never goes back (CLOCK_MONOTONIC). */
int64_t clock_now(void);

/* Return the time `nanoseconds` from now; NO_DEADLINE for NO_DEADLINE. */
int64_t clock_after(int64_t nanoseconds);

/* The time left until `deadline`, none if that has come (as 0 has), for a system
 * call that waits. Returns `left`; or NULL, for ever, for NO_DEADLINE. */
struct timespec *clock_left(int64_t deadline, struct timespec *left);

/* Return how many nanoseconds to rest after so many attempts in a row that failed
 * without a wait: more each time, up to some milliseconds. */
int64_t clock_rest(int attempts);

/* Return the seconds at `arg`, rounded up to nanoseconds; NO_DEADLINE for nil.
 * Raises an argument error for a negative number. */
int64_t clock_check_seconds(lua_State *L, int arg);

/* The same, but raises an argument error for nil as well. */
int64_t clock_check_number(lua_State *L, int arg);

/* Push nanoseconds as a number of seconds, or nil for NO_DEADLINE. */
void clock_push_seconds(lua_State *L, int64_t nanoseconds);

#endif
