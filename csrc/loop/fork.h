/*
 * fork: loops after fork(2), and tasks that are not resumed again.
 */
#ifndef SOCKEYE_LOOP_FORK_H
#define SOCKEYE_LOOP_FORK_H

struct loop;
struct task;

/* In the parent: a child shares the registrations of this thread from now on. */
void loop_share(void);

/* In the child: every loop of this thread begins anew, for what is registered
 * is the parent's, and wakes whoever waits for a descriptor. */
void loop_renew(void);

/* Remove every task but t. */
void loop_keep_only(struct loop *loop, struct task *t);

/* End every task: none can be woken. */
void loop_halt(struct loop *loop);

#endif
