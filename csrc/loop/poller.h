/*
 * poller: which descriptors have become ready, told once for each change.
 *
 * A descriptor is added once in its life and watched from then on for reading,
 * and for what else was ever asked for: few have to wait to write, and for the
 * others it would only be told again and again. What is told is a change, not a
 * state (epoll(7), EPOLLET). Where there is no epoll, or on request, poll(2)
 * does the same work: then only what was asked for is told, and only once.
 */
#ifndef SOCKEYE_LOOP_POLLER_H
#define SOCKEYE_LOOP_POLLER_H

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

/* Tell of `what` when it comes, or if it is there. Zero or errno. EPERM: a file
 * that is always ready. */
int poller_add(struct poller *p, int fd, uint64_t tag, int what);

/* The same for one that was added: `what` is all that it is to be watched for
 * from now on. To be called for what is new to it; with poll(2), always. */
int poller_want(struct poller *p, int fd, uint64_t tag, int what);

/* In a forked child: as new, whatever was added. poll(2) where the system
 * refuses anything better. */
void poller_renew(struct poller *p);

/* Before `fd` is closed. */
void poller_remove(struct poller *p, int fd);

/* Wait for changes until `deadline`, as clock_now counts; INT64_MAX is for ever.
 * Zero, or errno. */
int poller_wait(struct poller *p, int64_t deadline, poller_event *event,
                void *context);

/* A descriptor that is readable when one of them is ready; -1 with errno,
 * ENOSYS where there is no such thing. */
int poller_make_set(const struct pollfd *fds, nfds_t count);

/* The system call that it waits by. */
const char *poller_call(const struct poller *p);

/* The descriptor that is readable when there are changes; -1: has none. */
int poller_descriptor(const struct poller *p);

#endif
