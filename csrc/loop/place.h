/*
 * place: a task's places in the queues of what it waits for, where no
 * descriptor reports it: channels, locks, the end of other tasks.
 *
 * A task that waits has a place in each queue. Whoever brings what the task
 * waits for takes the place out of its queue, notes it, and makes the task
 * ready (loop_meet in wake.h). A task that stops waiting for any other reason
 * leaves all queues at once, so that nothing is handed to it afterwards.
 *
 * A queue belongs to an object that empties it when it is collected. The places
 * belong to the task: they are memory of the C library, which Lua does not
 * free.
 */
#ifndef SOCKEYE_LOOP_PLACE_H
#define SOCKEYE_LOOP_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "loop/state.h"

struct place {
    struct place *next, *previous; /* in the circle */
    struct queue *queue;           /* NULL: it is in none */
    struct task *task;
    lua_State *co;     /* the coroutine that waits */
    const void *first; /* what is first on co's stack while it waits */
    uint64_t order;    /* since when: the lower, the longer */
    int number;        /* of the places of its wait, from 1 */
    int value;  /* where co's stack has the value that it gives; 0: none */
    int object; /* where co's stack has what it waits for; 0: nowhere */
    /* Called instead of waking a task, by an object that has a place of its
     * own; or NULL. */
    void (*met)(struct place *p);
    /* Called if the wait ends before the task has seen what it was given, for an
     * object that has put the place into another queue meanwhile; or NULL. L is
     * NULL where Lua cannot be called: in a forked child. */
    void (*lost)(lua_State *L, struct place *p);
};

/* The first wait has memory for no more than it needs: most tasks wait for one
 * thing at a time. */
struct places {
    int limit; /* how many there is memory for */
    int count;
    int met;    /* the number of the place that was met; 0: none */
    bool ended; /* it was met by the end of its queue */
    struct place list[];
};

/* Prepare `count` places for a wait of t, which are in no queue yet. False: no
 * memory. */
bool place_open(lua_State *L, struct task *t, int count);

/* The coroutine in which t waits is closed, or is about to be: if a place was met
 * that t has not seen, its object takes back what it gave. */
void place_give_up(lua_State *L, struct task *t);

/* Put a place into a queue, behind all that have waited longer. */
void place_enter(struct queue *queue, struct place *p);

/* Whether t has a place in a queue. */
bool place_is_any(const struct task *t);

/* Take a place out of its queue, if it is in one. */
void place_leave(struct place *p);

/* Take all places out of their queues but the one that was met. */
void place_leave_all(struct places *places);

/* Take every place out of a queue whose object is collected. */
void place_empty(struct queue *queue);

/* Note that p is the place that was met, for good or by the queue's end. */
void place_note(struct place *p, bool ended);

/* For a task that runs again: return the place that was met, once, out of any
 * queue; NULL: none was. */
struct place *place_take(struct task *t);

/* A number greater than all before it. */
uint64_t place_next_order(void);

/* Free the places of a task that ends. If one was met that the task has not
 * seen, its object takes back what it gave. */
void place_close(struct task *t);

#endif
