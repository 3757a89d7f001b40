/*
 * inner: struct loop, private to this folder.
 */
#ifndef SOCKEYE_LOOP_INNER_H
#define SOCKEYE_LOOP_INNER_H

#include "loop/poller.h"
#include "loop/state.h"
#include "loop/timers.h"

struct slot {
    struct handle *handle; /* NULL: not registered */
    uint32_t generation;
};

struct loop {
    lua_State *L;       /* the state that resumes tasks */
    struct task *main;  /* its results are the loop's */
    struct scope scope; /* the deadline around the whole loop */
    struct poller *poller;
    struct loop *next, **link; /* in the list of this thread's loops */
    bool reports_once;         /* poller_reports_once: ask before each wait */
    bool forked;               /* a child may share the registrations */
    bool stuck;                /* it was stuck once before */
    struct slot *slots;        /* by descriptor */
    size_t slot_count;
    struct timers timers;
    struct task *ready_first, *ready_last;
    struct task *tasks;
    int io_waits;    /* tasks that wait for a descriptor */
    int set_waiters; /* tasks that wait on a set */
    int timed;       /* tasks that wait until a deadline */
    int held;        /* the number of loop_hold's wakers */
    int64_t now;     /* after the last look at the poller */
    int64_t before;  /* after the one before */
    int64_t polled;  /* when the last began; kept if reports_once */
};

#endif
