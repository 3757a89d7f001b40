/*
 * clock: the clock that deadlines are on, and seconds as scripts give them.
 *
 * Times and durations are nanoseconds; NO_DEADLINE stands for "for ever".
 */
#ifndef SOCKEYE_BASE_CLOCK_H
#define SOCKEYE_BASE_CLOCK_H

#include <stdint.h>

#include <lua.h>

#define NANOSECONDS INT64_C(1000000000) /* of a second */
#define NO_DEADLINE INT64_MAX

/* Nanoseconds of a clock that never goes back (CLOCK_MONOTONIC). */
int64_t clock_now(void);

/* A number of seconds at `arg`, rounded up to nanoseconds; nil: NO_DEADLINE. A
 * negative one is an argument error. */
int64_t clock_check_seconds(lua_State *L, int arg);

/* Push nanoseconds as a number of seconds; nil for NO_DEADLINE. */
void clock_push_seconds(lua_State *L, int64_t nanoseconds);

#endif
