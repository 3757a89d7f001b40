/*
 * fork: loops after fork(2), and tasks that are not resumed again.
 */
#ifndef SOCKEYE_LOOP_FORK_H
#define SOCKEYE_LOOP_FORK_H

struct loop;
struct task;

/* In the parent, after a fork: note that a child shares this thread's epoll
 * registrations. */
void loop_share(void);

/* In the child: give every loop of this thread a new poller, since the
 * registrations are shared with the parent, and wake the tasks that wait for
 * descriptors. */
void loop_renew(void);

/* Remove every task but t. */
void loop_keep_only(struct loop *loop, struct task *t);

/* Abandon every task: none is resumed again. */
void loop_halt(struct loop *loop);

#endif
