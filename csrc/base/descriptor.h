/*
 * descriptor: one attempt to read or write, of whatever kind the descriptor is.
 *
 * `flags` are MSG_ flags. A descriptor that is no socket knows none of them:
 * MSG_DONTWAIT means that it has been found ready, and that no more may be
 * written than it takes without blocking then.
 */
#ifndef SOCKEYE_BASE_DESCRIPTOR_H
#define SOCKEYE_BASE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <lua.h>

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

/* Call after a failed attempt to get a descriptor. Where none were left,
 * collects garbage, sets `*collected` and returns true: try once more. */
bool descriptor_collect(lua_State *L, int error, bool *collected);

#endif
