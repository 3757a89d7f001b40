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
    lua_State *L;          /* the state that resumes tasks */
    struct task *main;     /* its results are the loop's */
    struct task *resumer;  /* the task, of another loop, that runs this loop */
    struct task *survivor; /* the one that loop_keep_only kept; or NULL */
    struct poller *poller;
    struct loops *loops;       /* those of its Lua state, with */
    struct loop *next, **link; /* its place in their list */
    unsigned process;          /* process_number where it was opened */
    unsigned children;         /* process_children when it was opened */
    bool reports_once;         /* poller_reports_once: ask before each wait */
    bool stuck;                /* it was stuck once before */
    struct slot *slots;        /* by descriptor */
    size_t slot_count;
    struct timers timers;
    struct task *ready_first, *ready_last;
    struct task *tasks;
    struct group *groups; /* those that have not ended */
    int io_waits;         /* tasks that wait for a descriptor */
    int set_waiters;      /* tasks that wait on a set */
    int timed;            /* tasks that wait until a deadline */
    int held;             /* the number of loop_hold's wakers */
    int64_t now;          /* after the last look at the poller */
    int64_t before;       /* after the one before */
    int64_t polled;       /* when the last began; kept if reports_once */
};

#endif
