/*
 * output: bytes that a stream has written but not yet sent.
 *
 * A task has a list of the outputs to send before it waits (loop.h). Nothing
 * here calls Lua or raises, and only outputs_finish waits.
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
    int error; /* errno of an attempt that no call has reported yet; pending
                  bytes were dropped, unless others may still try */
    bool timed_out; /* that is the end of a time-out */
    bool is_socket;
    unsigned process; /* process_number where it was written */
};

/* Call before bytes are added: drops those that a parent wrote before it forked
 * this process, which sends them itself. */
void output_own(struct output *o);

/* Send what is pending, with these MSG_ flags. Returns 0 when all is sent; or
 * errno, and the rest is still pending. */
int output_send(struct output *o, int flags);

/* Likewise, by one attempt, which may send only some. */
int output_send_once(struct output *o, int flags);

/* Send what is pending without waiting. Returns 0 when all is sent, or EAGAIN;
 * any other errno if it has failed: it drops its bytes, leaves its list, and
 * keeps the error for a call of its stream. */
int output_try(struct output *o);

/* Drop what is pending. */
void output_drop(struct output *o);

/* Add the output to a list that is sent before its task waits; remove it from
 * its list. */
void output_join(struct output *o, struct output **list);
void output_leave(struct output *o);

/* Whether the output is in the list. */
bool output_is_in(const struct output *o, const struct output *list);

/* What became of the outputs of a list. */
struct outputs_sent {
    struct output
        *blocked; /* the first that is blocked, or took much, and may be
                               waited for; or NULL */
    struct output *failed; /* the first that failed; or NULL */
    bool moved;            /* some bytes were sent */
};

/* Send the outputs of a list as output_try does. */
struct outputs_sent outputs_send(struct output **list);

/* Let an output fail: with an errno; as it was blocked for too long. */
void output_fail(struct output *o, int error);
void output_expire(struct output *o);

/* Send what can be sent, and keep errors for the next attempt. Most tasks have
 * nothing to send: inlined, outputs_try_all would cost them registers. */
__attribute__((noinline)) void outputs_try_all(struct output **list);

static inline void outputs_try(struct output **list)
{
    if (*list != NULL)
        outputs_try_all(list);
}

/* Send all, as the process ends: wait for each as long as its time-out allows,
 * and without one as long as its peer takes some within a few seconds. */
void outputs_finish(struct output **list);

/* Empty the list, keeping the pending bytes, or dropping them. */
void outputs_leave(struct output **list);
void outputs_drop(struct output **list);

#endif
