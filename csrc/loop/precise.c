/*
 * precise: epoll_wait(2) with a time-out in nanoseconds; see precise.h.
 *
 * Follows epoll_pwait2(2). A kernel before Linux 5.11 has no such call, and a
 * filter of system calls may forbid it: then the time-out is in milliseconds,
 * rounded up.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop/precise.h"

#if HAS_EPOLL

#ifdef __GLIBC_PREREQ
#define IS_IN_LIBRARY __GLIBC_PREREQ(2, 35)
#else
#define IS_IN_LIBRARY 0
#endif

#if IS_IN_LIBRARY
static int wait_precisely(int fd, struct epoll_event *events, int size,
                          const struct timespec *left)
{
    return epoll_pwait2(fd, events, size, left, NULL);
}
#elif defined(SYS_epoll_pwait2)
static int wait_precisely(int fd, struct epoll_event *events, int size,
                          const struct timespec *left)
{
    const int64_t both[2] = {left->tv_sec, left->tv_nsec};

    return (int)syscall(SYS_epoll_pwait2, fd, events, size, both, NULL, 0);
}
#else
static int wait_precisely(int fd, struct epoll_event *events, int size,
                          const struct timespec *left)
{
    (void)fd;
    (void)events;
    (void)size;
    (void)left;
    errno = ENOSYS;
    return -1;
}
#endif

/* Found out once in the process. */
static atomic_bool is_missing;

/* Milliseconds, rounded up. */
static int to_milliseconds(const struct timespec *t)
{
    int64_t nanoseconds = t->tv_nsec;

    if (t->tv_sec >= INT32_MAX / 1000)
        return INT32_MAX;
    return (int)(t->tv_sec * 1000 + (nanoseconds + 999999) / 1000000);
}

int precise_wait(int fd, struct epoll_event *events, int size,
                 const struct timespec *left)
{
    int n;

    if (left == NULL)
        return epoll_wait(fd, events, size, -1);
    if (left->tv_sec == 0 && left->tv_nsec == 0)
        return epoll_wait(fd, events, size, 0);
    if (!atomic_load_explicit(&is_missing, memory_order_relaxed)) {
        n = wait_precisely(fd, events, size, left);
        if (n != -1 || (errno != ENOSYS && errno != EPERM))
            return n;
        atomic_store_explicit(&is_missing, true, memory_order_relaxed);
    }
    return epoll_wait(fd, events, size, to_milliseconds(left));
}

#endif
