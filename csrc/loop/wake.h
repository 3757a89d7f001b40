/*
 * wake: makes tasks ready, whatever they wait for.
 */
#ifndef SOCKEYE_LOOP_WAKE_H
#define SOCKEYE_LOOP_WAKE_H

struct loop;
struct task;

/* All loops of this thread. */
extern _Thread_local struct loop *loop_list;

/* Put t at the end of the ready queue. */
void loop_push_ready(struct loop *loop, struct task *t);

/* Make a waiting task ready. */
void loop_wake(struct task *t);

/* Remove t from all that it waits for. */
void loop_stop_waiting(struct task *t);

/* Wake every task that waits on a set, in any loop: a member may have closed.
 * The loop of a set need not have its members registered. */
void loop_wake_set_waiters(void);

#endif
