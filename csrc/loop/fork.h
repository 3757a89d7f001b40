/*
 * fork: loops after fork(2), and tasks that are not resumed again.
 */
#ifndef SOCKEYE_LOOP_FORK_H
#define SOCKEYE_LOOP_FORK_H

struct loop;
struct task;

/* In a forked child: remove every task but t, whose loop it is. */
void loop_keep_only(struct loop *loop, struct task *t);

/* The task that loop_keep_only has kept, until it is forgotten; or NULL. */
struct task *loop_survivor(const struct loop *loop);
void loop_forget_survivor(struct loop *loop);

/* Abandon every task: none is resumed again. */
void loop_halt(struct loop *loop);

#endif
