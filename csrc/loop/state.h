/*
 * state: the structures that the loop and its users share: descriptors, tasks
 * and groups. Userdata of task/ and socket/ own them.
 */
#ifndef SOCKEYE_LOOP_STATE_H
#define SOCKEYE_LOOP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "base/clock.h"

struct group;
struct handle;
struct loop;
struct output;
struct place;
struct places;
struct task;

enum direction { READING, WRITING };

/* A descriptor's registration in a loop, kept with the descriptor. */
struct registration {
    struct loop *loop;      /* where it is registered; or NULL */
    struct task *waiter[2]; /* by direction */
    int watched;            /* every event that was ever waited for */
    bool drained;           /* nothing to read until the next change */
    bool ended;             /* the peer will send no more */
    bool urgent;            /* urgent data has come: reads end at its mark */
};

/* Hooks for whoever reads a descriptor's error queue. */
struct descriptor_hooks {
    /* Runs before a wait, which a queue that is not empty would end at once. */
    void (*before_wait)(lua_State *L, struct handle *handle);
    /* Runs before the descriptor is closed or given away. Returns true to keep
     * the descriptor open and close it later. */
    bool (*before_close)(struct handle *handle, bool closing);
};

/* A descriptor, and how long its owner waits for it. */
struct handle {
    int fd;           /* -1: closed */
    bool nonblocking; /* the owner has set O_NONBLOCK */
    bool idle_limit;  /* the time-out is a server's limit, not the script's */
    int64_t timeout;  /* nanoseconds; 0: never wait; NO_DEADLINE: for ever */
    struct registration registration;
    const struct descriptor_hooks *const *hooks; /* first in it; or NULL */
};

/* The tasks that wait for the same, in order: a circle of their places; see
 * loop/place.h. */
struct queue {
    struct place *first; /* NULL: nobody waits */
};

enum scope_kind { SCOPE_DEADLINE, SCOPE_SHIELD, SCOPE_TASK, SCOPE_GROUP };

/* What is cancelled together, and comes to its deadline together (scope.h). A
 * task's own scope is no more than this: every task has one. */
struct scope {
    struct scope *outer;        /* the next one further out; or NULL */
    struct scope *inner;        /* the first of those whose outer it is */
    struct scope *next, **link; /* its place among these */
    uint8_t kind;               /* an enum scope_kind */
    bool canceled;
};

/* A scope of any other kind, which a coroutine has opened. */
struct opened_scope {
    struct scope base;
    struct task *task;       /* the task whose innermost scope it is; or NULL */
    struct scope *innermost; /* of those that its coroutine took along; NULL: it
                                is in force, or not their outermost */
    struct scope **list;     /* outside of tasks: where it stands; or NULL */
    lua_State *opener;       /* the coroutine that opened it */
    int64_t deadline;
};

enum task_status {
    TASK_READY,
    TASK_RUNNING,
    TASK_WAITING,
    TASK_DONE,
    TASK_FAILED,
    TASK_CANCELLED,
    TASK_KILLED
};

/* User values of a task: its group; the traceback of its failure; the group of
 * the tasks that it spawns, between begin_spawn_group and end_spawn_group. */
enum { TASK_GROUP = 2, TASK_TRACEBACK, TASK_NEST };

#define TASK_BUDGET 64 /* calls before a task yields */

/* Every task has one, so fields are small, and in an order without gaps. */
struct task {
    const void *tag;
    struct loop *loop;
    lua_State *co;     /* its coroutine */
    lua_State *top;    /* the innermost coroutine in which it may wait */
    int arguments;     /* on co's stack, for its first turn */
    int budget;        /* calls until it yields to the other tasks */
    uint8_t status;    /* an enum task_status */
    bool over;         /* a scope around its code is over: every wait raises */
    bool killed;       /* its coroutine is being closed, or is closed */
    bool forgiven;     /* its failure has been reported */
    bool unclaimed;    /* no task that joins it has raised its error yet */
    bool is_daemon;    /* its group does not wait for it to end by itself */
    bool timed_out;    /* its deadline has woken it */
    bool waits_on_set; /* it waits on a set of descriptors */
    bool completed;    /* another task has completed what it waited for */
    bool suspending;   /* it has just yielded to the loop, not to a script */
    bool flushing;     /* it waits, or failed, to send what it had written */
    bool abandoned;    /* it has ended without a result */
    bool nests;        /* tasks it spawns go to a group of their own */
    bool reports;      /* it has a reporter of its own (task/report.h) */
    bool failed;       /* its function has raised */
    bool joins;        /* `token` is a task, whose end it waits for */
    int8_t step_context;  /* for `step`: one of those in task/context.h */
    short wants;          /* events that it waits for, as poll(2) has them */
    uint16_t file;        /* the file of `line` (task/origin.c) */
    int vain;             /* wake-ups in a row, without a wait, for nothing */
    int joiners;          /* how many tasks wait for its end */
    int holds;            /* its calls of loop_hold that are in force */
    int line;             /* the line that has spawned it; 0: unknown */
    uint32_t timer_place; /* among the timers; 0: none. There are never
                             2^32: no memory has room for so many tasks. */
    struct task *next_ready;
    struct task *next, *previous; /* in the loop's list of all tasks */
    /* what it waits for */
    struct handle *handle;
    const void *token;
    const char *call;    /* the name of the call that waits */
    int64_t deadline;    /* when it stops waiting; 0: it has yielded since */
    int64_t since;       /* when it began to wait */
    int64_t flush_limit; /* the time-out of unsent output, since its last byte
                            was sent; 0: not running */
    int64_t limit;       /* the deadline of the call itself */
    int64_t patience;    /* how long that was to be, for its error */
    int64_t scope_limit; /* the earliest of those around its code */
    uint64_t progress;   /* the call's progress: see struct wait */
    int64_t timer;       /* when its timer comes */
    lua_KFunction step;  /* what goes on after task_suspend */
    uintptr_t ticket;    /* of that wait; no other wait has the same */
    struct scope own;    /* what its coroutine is in */
    struct scope *scope; /* the innermost that its code is in */
    struct output *outputs; /* to be sent before it waits */
    struct group *group;
    struct task *joiner;   /* a task that waits for its end; or NULL */
    struct places *places; /* its places in queues; NULL: it has had none */
    struct queue ends;     /* tasks that wait for its end beside other things */
};

enum group_state {
    GROUP_OPEN,      /* its body runs */
    GROUP_FINISHING, /* it waits for its tasks */
    GROUP_ENDED      /* nothing can be spawned into it any more */
};

/* A group of tasks, which keeps the first error of one of them. */
struct group {
    const void *tag;
    struct loop *loop;           /* NULL: the group has ended */
    struct group *next, **place; /* its place among the groups of the loop */
    struct opened_scope scope;
    struct task *owner; /* the task that has opened it, then the one that waits
                           for its end; NULL: none */
    int count;          /* tasks that have not ended, with */
    int daemons;        /* so many that are not waited for */
    uint8_t state;      /* an enum group_state */
    bool failed;        /* it keeps the error of a task, or of its body */
    bool cancels_owner; /* its failure cancels its owner as well */
    bool was_interrupted; /* a scope further out has ended its body */
};

#endif
