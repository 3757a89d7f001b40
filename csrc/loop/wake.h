/*
 * wake: makes tasks ready, whatever they wait for.
 */
#ifndef SOCKEYE_LOOP_WAKE_H
#define SOCKEYE_LOOP_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>

struct loop;
struct place;
struct queue;
struct scope;
struct task;

/* The loops of one Lua state, which may go from thread to thread. */
struct loops {
    struct loop *first;
    int handlers; /* signals for which the state has a handler in Lua */
    struct scope
        *taken_along; /* the outermost scope of each coroutine that took
                                  some along */
};

/* How many loops there are, of all Lua states. */
extern atomic_int loop_total;

static inline bool loop_is_any(void)
{
    return atomic_load_explicit(&loop_total, memory_order_relaxed) > 0;
}

/* Put t at the end of the ready queue. */
void loop_push_ready(struct loop *loop, struct task *t);

/* Let t, which has ended, come last in the ready queue: the tasks that are in it
 * run before t is looked at again. */
void loop_push_ended(struct task *t);

/* Let t neither wait nor be ready any more. */
void loop_take_out(struct task *t);

/* Make a waiting task ready. */
void loop_wake(struct task *t);

/* What the place stands for has come: take it out of its queue, and make its
 * task ready. */
void loop_meet(struct place *p);

/* The same for every place of a queue that is at its end. Returns whether there
 * was one. */
bool loop_meet_all(struct queue *queue);

/* Remove t from all that it waits for. */
void loop_stop_waiting(struct task *t);

/* Wake every task that waits on a set, in any of the loops: a member may have
 * closed. The loop of a set need not have its members registered. NULL: there
 * is no loop. */
void loop_wake_set_waiters(const struct loops *loops);

#endif
