/*
 * descriptor: one attempt to read or write, on a descriptor of any kind.
 *
 * `flags` are MSG_ flags, which only sockets have. With MSG_DONTWAIT any other
 * descriptor is read and written as nowait.h says: it is read only after poll(2)
 * has reported it as ready. O_NONBLOCK, which others share, is never changed.
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

/* Call after failing to get a descriptor. If none was left, collects garbage
 * once, sets `*collected` and returns true: the caller tries again. */
bool descriptor_collect(lua_State *L, int error, bool *collected);

#endif
