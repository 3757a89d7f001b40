/*
 * output: bytes that are written but not yet sent.
 *
 * A task has a list of those that are to be sent before it waits (loop.h).
 * Nothing here waits, calls Lua or raises.
 */
#ifndef SOCKEYE_LOOP_OUTPUT_H
#define SOCKEYE_LOOP_OUTPUT_H

#include <stdbool.h>

#include "base/block.h"

struct handle;

struct output {
    struct output *next;
    struct output **place; /* what points here; NULL: it is in no list */
    struct handle *handle;
    struct pool *pool;
    struct block *pending; /* NULL: all is sent */
    int error;             /* met when nobody could be told */
    bool is_socket;
};

/* Send what is pending, with these MSG_ flags. Zero: all of it; or errno, and
 * the rest is still pending. */
int output_send(struct output *o, int flags);

/* What is pending is not to be sent. */
void output_drop(struct output *o);

/* Have it sent before the task waits whose list this is. */
void output_join(struct output *o, struct output **list);
void output_leave(struct output *o);

/* Send all of a list without waiting. Zero; EAGAIN, with the first that is
 * blocked and may be waited for; or another errno. */
int outputs_send(struct output **list, struct handle **blocked);

/* The same, but keep errors for the next attempt. */
void outputs_try(struct output **list);

/* Forget the list; what is pending stays so, or is dropped. */
void outputs_leave(struct output **list);
void outputs_drop(struct output **list);

#endif
