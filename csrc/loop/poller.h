/*
 * poller: reports which descriptors became ready, once per change.
 *
 * A descriptor is added once in its life, and from then on watched for reading
 * and for any other event that was ever asked for. Writability is watched on
 * demand only: most sockets are always writable and would wake the loop after
 * every send. Changes are reported, not states (epoll(7), EPOLLET). Without
 * epoll, or on request, poll(2) is used: then only events that were asked for
 * are reported, and only once each.
 *
 * Events are those of poll(2): POLLIN, POLLOUT and POLLPRI can be asked for and
 * reported. POLLHUP is reported when the peer sends no more or after an error;
 * all events are reported with it after an error, or when both directions have
 * ended.
 */
#ifndef SOCKEYE_LOOP_POLLER_H
#define SOCKEYE_LOOP_POLLER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct poller; /* allocated without Lua */

/* Receives one change. `tag` is what poller_add was given. */
typedef void poller_event(void *context, uint64_t tag, int events);

/* Returns NULL, with errno set, on failure. */
struct poller *poller_open(bool use_poll);
void poller_close(struct poller *p);

/* Report events from now on, and those that are there already. Returns 0 or
 * errno: EPERM for a file that is always ready. */
int poller_add(struct poller *p, int fd, uint64_t tag, int events);

/* Watch a descriptor that was added for `events` from now on. Call it for new
 * events; if poller_reports_once, before each wait. */
int poller_want(struct poller *p, int fd, uint64_t tag, int events);

/* Whether an event has to be asked for again after it was reported. */
bool poller_reports_once(const struct poller *p);

/* If poller_reports_once: report nothing of `fd` until that time of clock_now.
 * For an event that poll(2) reports again and again. */
void poller_rest(struct poller *p, int fd, int64_t until);

/* In a forked child: forget all descriptors. Falls back to poll(2) if no new
 * epoll descriptor can be had. */
void poller_renew(struct poller *p);

/* Call before `fd` is closed. */
void poller_remove(struct poller *p, int fd);

/* Wait for changes until `deadline`, a time of clock_now, or NO_DEADLINE.
 * Returns 0 or errno. */
int poller_wait(struct poller *p, int64_t deadline, poller_event *event,
                void *context);

/* Create a descriptor that is readable when one of `fds` is ready. Returns -1
 * with errno on failure: ENOSYS without epoll. */
int poller_make_set(const struct pollfd *fds, nfds_t count);

/* The name of the system call that waits. */
const char *poller_call(const struct poller *p);

/* The descriptor that is readable when there are changes; -1: there is none. */
int poller_descriptor(const struct poller *p);

#endif
