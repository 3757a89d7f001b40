/*
 * nowait: one attempt to read or write that does not block, on a descriptor
 * that is no socket, whatever O_NONBLOCK says, which belongs to all who share
 * the open file and is never changed.
 */
#ifndef SOCKEYE_BASE_NOWAIT_H
#define SOCKEYE_BASE_NOWAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Return zero where the descriptor is ready for `events` of poll(2), EAGAIN where
 * it is not, or why poll(2) has failed. */
int nowait_test(int fd, short events);

/* Read from what poll(2) has reported as ready. */
ssize_t nowait_read(int fd, void *buffer, size_t size);

/* Write; -1 with EAGAIN where that would block. Sets *is_full if a result less
 * than `size` means that no more fits. Delivers no SIGPIPE. A regular file may
 * make the process wait for the disk. */
ssize_t nowait_write(int fd, const char *data, size_t size, bool *is_full);

#endif
