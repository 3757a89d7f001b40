/*
 * unsent: errors of what a stream could not send.
 *
 * An attempt to send that no call of the stream has made, before a task waits,
 * leaves its error with the output, for the next call that sends, or that would
 * have to wait for the peer. The stream is at index 1
 * of the stack.
 */
#ifndef SOCKEYE_STREAM_UNSENT_H
#define SOCKEYE_STREAM_UNSENT_H

#include <lua.h>

#include "loop/output.h"
#include "task/wait.h"

/* Push the error that wait_failed would raise for sending, with the peer's
 * address; do what wait_failed does. */
void unsent_push_failure(lua_State *L, const struct wait *w);
int unsent_fail(lua_State *L, const struct wait *w);

/* Push the error of a call that could not send, likewise. */
void unsent_push_error(lua_State *L, const char *call, int error);

/* Push, or raise, the error that the output keeps, which keeps it no more. */
void unsent_push(lua_State *L, struct output *o, const char *call);
void unsent_raise(lua_State *L, struct output *o, const char *call);

static inline void unsent_check(lua_State *L, struct output *o,
                                const char *call)
{
    if (o->error != 0)
        unsent_raise(L, o, call);
}

#endif
