/*
 * registration: which descriptors a loop watches, and which tasks wait for
 * them.
 */
#ifndef SOCKEYE_LOOP_REGISTRATION_H
#define SOCKEYE_LOOP_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

struct handle;
struct loop;
struct loops;
struct task;

/* Watch the handle for events of poll(2), and note that t waits for them.
 * Returns 0 or errno: EBUSY if another task already waits, EPERM for a file
 * that is always ready. */
int registration_wait(struct task *t, struct handle *handle, int wants);

/* The callback for poller_wait, whose context is `loop`: wakes the tasks that
 * wait. */
void registration_event(void *loop, uint64_t tag, int events);

/* Call before a loop that a forked child may have inherited is used. In the
 * child, gives it a poller of its own: the registrations are the parent's. */
void loop_own(struct loop *loop);

/* Forget every descriptor, without calling the poller. */
void registration_release_all(struct loop *loop);

/* Call before the descriptor is closed or given away, with the loops of the Lua
 * state; NULL: there is none. Wakes the tasks that wait for it. */
void loop_forget(const struct loops *loops, struct handle *handle,
                 bool closing);

/* Call before dup2 puts another file behind `fd`. */
void loop_forget_number(const struct loops *loops, int fd);

#endif
