/*
 * waiting: how the calls of this folder wait for one another.
 *
 *     waiting_begin(L, &acquire_call, context);
 *     if (context == WAIT_RESUMED && waiting_met(L, &acquire_call, true, &ended))
 *         return …;
 *     if (there is one)
 *         return …;
 *     return waiting_pause(L, &acquire_call, &s->waiting, context, …);
 *
 * Outside of tasks, and in tasks where a call in between cannot yield, the calls
 * work as long as they need not wait.
 */
#ifndef SOCKEYE_SYNC_WAITING_H
#define SOCKEYE_SYNC_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "loop/place.h"
#include "task/wait.h"

/* The object of the type whose method is called. Raises an argument error for
 * another value. */
void *waiting_check_self(lua_State *L, const char *type);

/* Begin a call that may wait. Takes one from the task's budget, and lets others
 * run where it is spent; raises where the task is to stop, even if the call
 * would not have to wait. */
void waiting_begin(lua_State *L, const struct call *call, lua_KContext context);

/* Whether waiting_begin would not yield. */
bool waiting_is_free(lua_State *L);

/* Before waiting_begin, in a task that can yield: let others run first. Then it
 * does not return; the call runs again as WAIT_POSTPONED. */
void waiting_let_others(lua_State *L, const struct call *call);

/* Begin a call that never waits: the same, but without raising. */
void waiting_draw(lua_State *L, const struct call *call, lua_KContext context);

/* Replace the argument at `arg`, seconds or nil, by the moment at which the call
 * ends, or nil. The stack then ends there. */
void waiting_take_seconds(lua_State *L, int arg);

/* For a call that has waited: the place in which what it waited for has come.
 * Raises where the task is to stop instead, or, if `timed`, the deadline has
 * come; NULL: neither. `ended`: by the end of the queue. */
const struct place *waiting_met(lua_State *L, const struct call *call,
                                bool timed, bool *ended);

/* How a call waits: in which queue; where the stack has the value that it gives
 * (0: none), and what waiting_take_seconds has left there. */
struct waiting {
    struct queue *queue;
    int value;
    int deadline;
    void (*lost)(lua_State *L, struct place *p); /* see place.h; or NULL */
};

/* Wait in the queue: does not return. Raises ETIMEDOUT, with `timeout`, at the
 * deadline. What is met for has its value, if any, pushed on the stack. */
int waiting_pause(lua_State *L, const struct call *call,
                  const struct waiting *waiting, lua_KContext context);

/* For a call that waits by itself: whether it has waited until its deadline.
 * Raises where t is to stop. */
bool waiting_is_over(lua_State *L, struct task *t, const struct call *call,
                     int64_t deadline, bool resumed);

/* Let the task of the place, which waits on the stack of its coroutine, have the
 * value at `value` when it runs. `object`: what gives it. Lua code may run, and
 * raises if memory fails: then nothing is done. */
void waiting_hand(lua_State *L, struct place *p, int object, int value);

/* The task of the place runs again: push the value that it was handed. */
void waiting_receive(lua_State *L, const struct place *p);

/* The task of the place does not: push the object and the value. False: a script
 * has closed the task's own coroutine, and the value with it. */
bool waiting_recall(lua_State *L, const struct place *p);

/* Fill in a place of a call that waits on L. */
void waiting_enter(lua_State *L, struct queue *queue, struct place *p,
                   uint64_t order);

/* The place that has waited longest, of a coroutine that still waits; or NULL.
 * Runs no Lua code. */
struct place *waiting_first(struct queue *queue);

/* How many wait. */
int waiting_count(const struct queue *queue);

#endif
