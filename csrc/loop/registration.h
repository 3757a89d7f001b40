/*
 * registration: which descriptors a loop watches, and who waits for them.
 */
#ifndef SOCKEYE_LOOP_REGISTRATION_H
#define SOCKEYE_LOOP_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

struct handle;
struct loop;
struct task;

/* Watch the handle for events of poll(2), and note that t waits for them.
 * Returns 0 or errno: EBUSY where another task waits already, EPERM for a file
 * that is always ready. */
int registration_wait(struct task *t, struct handle *handle, int wants);

/* What poller_wait calls: `loop` is the context. Wakes whoever waits. */
void registration_event(void *loop, uint64_t tag, int events);

/* Forget every descriptor, without a word to the poller. */
void registration_release_all(struct loop *loop);

/* Call before the descriptor is closed or given away: who waits is woken. */
void loop_forget(struct handle *handle, bool closing);

/* Call before dup2 puts another file behind `fd`. */
void loop_forget_number(int fd);

#endif
