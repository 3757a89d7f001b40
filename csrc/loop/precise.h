/*
 * precise: epoll_wait(2) with a time-out in nanoseconds.
 */
#ifndef SOCKEYE_LOOP_PRECISE_H
#define SOCKEYE_LOOP_PRECISE_H

#ifndef HAS_EPOLL
#ifdef __linux__
#define HAS_EPOLL 1
#else
#define HAS_EPOLL 0
#endif
#endif

#if HAS_EPOLL
#include <sys/epoll.h>
#include <time.h>

/* Wait for `left`; NULL: for ever. Returns the number of events; or -1, with
 * errno set. */
int precise_wait(int fd, struct epoll_event *events, int size,
                 const struct timespec *left);
#endif

#endif
