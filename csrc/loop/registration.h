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
struct task;

/* Watch the handle for events of poll(2), and note that t waits for them.
 * Returns 0 or errno: EBUSY if another task already waits, EPERM for a file
 * that is always ready. */
int registration_wait(struct task *t, struct handle *handle, int wants);

/* The callback for poller_wait, whose context is `loop`: wakes the tasks that
 * wait. */
void registration_event(void *loop, uint64_t tag, int events);

/* Forget every descriptor, without calling the poller. */
void registration_release_all(struct loop *loop);

/* Call before the descriptor is closed or given away. Wakes the tasks that wait
 * for it. */
void loop_forget(struct handle *handle, bool closing);

/* Call before dup2 puts another file behind `fd`. */
void loop_forget_number(int fd);

#endif
