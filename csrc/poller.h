/*
 * poller: which descriptors have become ready, told once for each change.
 *
 * A descriptor is added once in its life and watched for everything; what is
 * told is a change, not a state (epoll(7), EPOLLET). Where there is no epoll,
 * or on request, poll(2) does the same work: then only what was asked for by
 * poller_want is told, and only once.
 */
#ifndef SOCKEYE_POLLER_H
#define SOCKEYE_POLLER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* What can happen to a descriptor, as bits. */
enum { CAN_READ = 1, CAN_WRITE = 2, HAS_URGENT = 4, HAS_ENDED = 8 };

struct poller; /* memory of its own: no Lua call is made here */

/* One change. `tag` is what poller_add was given. */
typedef void poller_event(void *context, uint64_t tag, int what);

/* NULL, with errno, where the system refuses. */
struct poller *poller_open(bool use_poll);
void poller_close(struct poller *p);

/* Zero or errno. EPERM: a file that is always ready. */
int poller_add(struct poller *p, int fd, uint64_t tag);

/* Tell of `what` when it comes, or if it is there. */
int poller_want(struct poller *p, int fd, int what);

/* Before `fd` is closed. */
void poller_remove(struct poller *p, int fd);

/* Wait for changes until `deadline`, as wait_now counts; INT64_MAX is for ever.
 * Zero, or errno. */
int poller_wait(struct poller *p, int64_t deadline, poller_event *event,
                void *context);

/* A descriptor that is readable when one of them is ready; -1 with errno, ENOSYS
 * where there is no such thing. */
int poller_gather(const struct pollfd *fds, nfds_t count);

/* The descriptor that is readable when there are changes; -1: has none. */
int poller_descriptor(const struct poller *p);

/* Nanoseconds of a clock that never goes back (CLOCK_MONOTONIC). */
int64_t monotonic_now(void);

#endif
