/*
 * loop: which task runs next, and what the others wait for.
 *
 * A task is a coroutine that task/turn.c resumes. It waits for a descriptor, a
 * deadline or another task; when that comes, it becomes ready and is resumed in
 * turn. Nothing here calls Lua.
 */
#ifndef SOCKEYE_LOOP_LOOP_H
#define SOCKEYE_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "loop/poller.h"
#include "loop/registration.h"
#include "loop/running.h"
#include "loop/state.h"
#include "loop/wake.h"

/* Add a loop to those of its Lua state. Returns NULL, with errno set, on
 * failure. */
struct loop *loop_open(lua_State *L, struct loops *loops, bool use_poll);

/* Forget every descriptor, and free the loop. */
void loop_close(struct loop *loop);

/* Add a task that is ready; let one that ends wait for nothing more, and leave
 * its timer and its outputs; after that, remove it. */
void loop_add(struct loop *loop, struct task *t);
void loop_retire(struct task *t);
void loop_remove(struct loop *loop, struct task *t);
struct task *loop_first(const struct loop *loop);

/* Add a group; remove one that has ended, or is in no loop. */
void loop_add_group(struct loop *loop, struct group *group);
void loop_remove_group(struct group *group);
struct group *loop_first_group(const struct loop *loop);

/* Register that t, which runs, waits for events of poll(2), for `deadline` of
 * its call, or for those around its code; then suspend it. Returns 0 or errno:
 * EPERM for a file that is always ready.
 *
 * What t has written is sent first. If that would block, t waits for it, and
 * its call is made again, as after any wait, when more can be sent.
 *
 * `again`: what t was woken for by its last wait was not there. */
int loop_await(struct task *t, struct handle *handle, int wants,
               int64_t deadline, bool again);

/* Wait likewise for a set of descriptors (poller_make_set). The task also wakes
 * when any descriptor is closed, which the kernel would not report. */
int loop_await_set(struct task *t, struct handle *set, int64_t deadline);

/* Wait likewise for `deadline`, or for loop_wake. */
int loop_pause(struct task *t, const void *token, int64_t deadline);

/* The deadlines around the code of t, which waits, are others now: let it wait on
 * with them. False: it is to be woken for that, since it is in no queue that it
 * would leave, or there is no memory. */
bool loop_move_deadline(struct task *t);

/* Wait likewise for loop_wake alone, however late. Fails never. */
void loop_pause_on(struct task *t, const void *token);

/* Note that t, which pauses with `other` as its token, waits for its end. */
void loop_join(struct task *t, struct task *other);

/* Send what t, which runs, has written. Returns 0 when it is sent, or has
 * failed; EAGAIN when t waits and is to yield; or another errno. Sets `*failed`
 * to the first output that has failed, if any, unless that is NULL. */
int loop_flush(struct task *t, int64_t deadline, struct output **failed);

/* Move t, which runs, to the end of the ready queue. */
void loop_requeue(struct task *t);

/* The last task in the ready queue; or NULL. */
const struct task *loop_last_ready(const struct loop *loop);

/* The main task, whose results are the loop's. */
struct task *loop_main(const struct loop *loop);
void loop_set_main(struct loop *loop, struct task *t);

/* Change the count of wakers outside the loop, such as worker threads: while it
 * is not zero, the loop is not stuck. */
void loop_hold(struct loop *loop, int change);

/* The loops of its Lua state, itself among them. */
struct loops *loop_loops(const struct loop *loop);

/* The time of the last loop_poll, or of a look at the clock since, in nanoseconds
 * of clock_now. */
int64_t loop_now(const struct loop *loop);
void loop_look_at_clock(struct loop *loop);

/* The next task to be resumed, or NULL. */
struct task *loop_next(struct loop *loop);

/* When the loop must act next; 0: now. */
int64_t loop_deadline(const struct loop *loop);

/* Whether tasks wait and nothing can wake one of them. */
bool loop_is_stuck(const struct loop *loop);

/* For a loop that is stuck: whether it has been stuck before. */
bool loop_is_stuck_again(struct loop *loop);

/* Wait for events until `deadline`, and make tasks ready. Returns 0 or
 * errno. */
int loop_poll(struct loop *loop, int64_t deadline);

int loop_descriptor(const struct loop *loop);

/* The system call that loop_poll makes. */
const char *loop_call(const struct loop *loop);

/* The task of another loop that runs this one, while it has a turn; or NULL. */
struct task *loop_resumer(const struct loop *loop);
void loop_set_resumer(struct loop *loop, struct task *t);

lua_State *loop_state(const struct loop *loop);
void loop_set_state(struct loop *loop, lua_State *L);

#endif
