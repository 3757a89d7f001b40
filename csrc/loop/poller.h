/*
 * poller: reports which descriptors became ready, once per change.
 *
 * A descriptor is added once in its life and watched from then on for reading,
 * and for what else was ever asked for. Writability is watched on demand only:
 * most sockets are always writable and would wake the loop after every send.
 * What is reported is a change, not a state (epoll(7), EPOLLET). Where there is
 * no epoll, or on request, poll(2) does the same work: then only what was asked
 * for is reported, and only once.
 *
 * Events are those of poll(2): POLLIN, POLLOUT and POLLPRI can be asked for and
 * reported. POLLHUP is reported when the peer sends no more or an error has
 * come; after an error, or when both directions have ended, with all others.
 */
#ifndef SOCKEYE_LOOP_POLLER_H
#define SOCKEYE_LOOP_POLLER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct poller; /* memory of its own: no Lua call is made here */

/* Receives one change. `tag` is what poller_add was given. */
typedef void poller_event(void *context, uint64_t tag, int events);

/* Returns NULL, with errno, where the system refuses. */
struct poller *poller_open(bool use_poll);
void poller_close(struct poller *p);

/* Report events when they come, or if they are there. Returns 0 or errno: EPERM
 * for a file that is always ready. */
int poller_add(struct poller *p, int fd, uint64_t tag, int events);

/* The same for one that was added: from now on it is watched for `events`. To
 * be called for new events; before each wait if poller_reports_once. */
int poller_want(struct poller *p, int fd, uint64_t tag, int events);

/* Whether what was reported has to be asked for again. */
bool poller_reports_once(const struct poller *p);

/* In a forked child: forget all that was added. Uses poll(2) where the system
 * refuses anything better. */
void poller_renew(struct poller *p);

/* Call before `fd` is closed. */
void poller_remove(struct poller *p, int fd);

/* Wait for changes until `deadline`, a time of clock_now; NO_DEADLINE is for
 * ever. Returns 0 or errno. */
int poller_wait(struct poller *p, int64_t deadline, poller_event *event,
                void *context);

/* Returns a descriptor that is readable when one of them is ready; -1 with
 * errno, ENOSYS where there is no such thing. */
int poller_make_set(const struct pollfd *fds, nfds_t count);

/* The system call that waits. */
const char *poller_call(const struct poller *p);

/* The descriptor that is readable when there are changes; -1: there is none. */
int poller_descriptor(const struct poller *p);

#endif
