/*
 * descriptor: one attempt to read or write, on a descriptor of any kind.
 *
 * `flags` are MSG_ flags, which only sockets have. For any other descriptor,
 * pass MSG_DONTWAIT only after poll(2) has reported it as ready: then no more
 * is written than it takes without blocking. O_NONBLOCK, which others share, is
 * never changed.
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

/* Receive from a Unix stream. A read stops at a message with control data, and,
 * if credentials are enabled, at a message of another sender. It then sets
 * `*has_stopped`, since more data may follow. */
ssize_t descriptor_read_unix(int fd, void *buffer, size_t size, int flags,
                             bool *has_stopped);

/* Return zero where the descriptor is ready for `events` of poll(2), EAGAIN where
 * it is not, or why poll(2) has failed. */
int descriptor_test(int fd, short events);

/* Call after failing to get a descriptor. If none was left, collects garbage
 * once, sets `*collected` and returns true: the caller tries again. */
bool descriptor_collect(lua_State *L, int error, bool *collected);

#endif
