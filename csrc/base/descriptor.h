/*
 * descriptor: one attempt to read or write, on a descriptor of any kind.
 *
 * `flags` are MSG_ flags. Only sockets have them: for any other descriptor,
 * MSG_DONTWAIT means that poll(2) has found it ready, and that no more is
 * written than it then takes without blocking.
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
 * at one of another sender if credentials are asked for: then `*has_stopped` is
 * set, since more may have come behind it. */
ssize_t descriptor_read_unix(int fd, void *buffer, size_t size, int flags,
                             bool *has_stopped);

/* Whether it is ready: `events` as poll(2) has them. */
bool descriptor_is_ready(int fd, short events);

/* Call after a failed attempt to get a descriptor. Where none were left,
 * collects garbage, sets `*collected` and returns true: try once more. */
bool descriptor_collect(lua_State *L, int error, bool *collected);

#endif
