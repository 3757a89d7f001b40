/*
 * descriptor: one attempt to read or write, of whatever kind the descriptor is.
 *
 * `flags` are MSG_ flags. A descriptor that is no socket knows none of them:
 * MSG_DONTWAIT means that it has been found ready, and that no more may be
 * written than it takes without blocking then.
 */
#ifndef SOCKEYE_BASE_DESCRIPTOR_H
#define SOCKEYE_BASE_DESCRIPTOR_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

ssize_t descriptor_read(int fd, bool is_socket, char *buffer, size_t size,
                        int flags);
ssize_t descriptor_write(int fd, bool is_socket, const char *data, size_t size,
                         int flags);

/* Receive from a Unix stream. A read ends at a message with control data, and
 * at one from somebody else where credentials are asked for: `*has_stopped`
 * tells that more may have come behind it. */
ssize_t descriptor_read_unix(int fd, void *buffer, size_t size, int flags,
                             bool *has_stopped);

/* Whether it is ready: `events` as poll(2) has them. */
bool descriptor_is_ready(int fd, short events);

/* Have SIGPIPE, which some calls cannot be told not to send, not delivered to
 * this thread; and take it back where it may have come. errno is kept. */
struct sigpipe_state {
    bool was_pending;
    sigset_t before;
};
void sigpipe_block(struct sigpipe_state *q);
void sigpipe_restore(const struct sigpipe_state *q, bool may_have_come);

#endif
