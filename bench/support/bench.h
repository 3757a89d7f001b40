/* bench: what every C program of the benchmarks needs. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Print the call that failed and why, and exit. */
static inline _Noreturn void fail(const char *call)
{
    perror(call);
    exit(1);
}

static inline double clock_seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds since some moment in the past. */
static inline double now(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

/* Seconds of processor time that this process has taken. */
static inline double processor_time(void)
{
    return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

#endif
