/*
 * loop: which task runs next, and what the others wait for.
 *
 * A task is a coroutine that is resumed from here. It waits for descriptors,
 * for a moment, or for another task; what it waits for makes it ready, and it
 * is resumed in its turn. The structures belong to userdata that task.c makes;
 * nothing here calls Lua.
 */
#ifndef SOCKEYE_LOOP_LOOP_H
#define SOCKEYE_LOOP_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "base/clock.h"
#include "loop/output.h"
#include "loop/poller.h"

struct loop;
struct group;
struct task;

enum direction { READING, WRITING };

/* What a loop knows of a descriptor, kept with the descriptor. */
struct registration {
    struct loop *loop;      /* in which it is registered; or NULL */
    struct task *waiter[2]; /* by direction */
    int watched;            /* what it was ever waited for: bits of poller.h */
    bool drained;           /* nothing to read until the next change */
    bool ended;             /* the peer will send no more */
    bool urgent;            /* urgent data has come: reads end at its mark */
};

struct handle;

/* Who has a descriptor's error queue, or the like, to mind. */
struct descriptor_hooks {
    /* Before a wait, which the queue would end at once. */
    void (*before_wait)(lua_State *L, struct handle *handle);
    /* It is to be closed, or given away. True: the descriptor itself is kept,
     * and closed later. */
    bool (*before_close)(struct handle *handle, bool closing);
};

/* A descriptor, and how long its owner will wait for it. */
struct handle {
    int fd;           /* -1: closed */
    bool nonblocking; /* the owner has set O_NONBLOCK */
    int64_t timeout;  /* nanoseconds; 0: never wait; NO_DEADLINE: for ever */
    struct registration registration;
    const struct descriptor_hooks *const *hooks; /* first in it; or NULL */
};

/* A deadline over all that a task does until it is removed. */
struct scope {
    int64_t deadline;
    struct scope *outer;
};

enum task_status {
    TASK_READY,
    TASK_RUNNING,
    TASK_WAITING,
    TASK_DONE,
    TASK_FAILED,
    TASK_CANCELLED
};

struct task {
    const void *tag;
    struct loop *loop;
    lua_State *co;  /* its coroutine */
    lua_State *top; /* the innermost coroutine in which it may wait */
    enum task_status status;
    int arguments;     /* on co's stack, for its first turn */
    int budget;        /* calls until it has to let others run */
    bool cancelled;    /* to be told at the next wait */
    bool timed_out;    /* the deadline has woken it */
    bool waits_on_set; /* it waits for a descriptor that gathers others */
    bool unparked;     /* another task has woken it */
    bool suspending;   /* it has just yielded to the loop, not to a script */
    bool flushing;     /* it waits, or failed, to send what it had written */
    bool abandoned;    /* it has ended without a result */
    bool nests;        /* what it spawns belongs to a group of its own */
    struct task *next_ready;
    struct task *next, *previous; /* in the loop's list of all tasks */
    /* what it waits for */
    struct handle *handle;
    const void *token;
    const char *call; /* the name of the call that waits */
    int wants;        /* bits of poller.h */
    int64_t deadline;
    struct scope *scope;
    struct output *outputs; /* to be sent before it waits */
    /* its place among the timers */
    int64_t timer;
    size_t timer_place; /* 0: none */
    struct group *group;
    struct task *resumer; /* the task, of another loop, that runs this loop */
    struct task *joins;   /* the task whose end it waits for */
    struct task *joiner;  /* one that waits for its own end; or NULL */
    int joiners;          /* how many do */
    int holds;            /* of its loop: loop_hold */
    bool failed;          /* its function has raised */
};

/* The group that owns tasks; one failure is kept for it. */
struct group {
    const void *tag;
    struct loop *loop;
    struct task *owner;   /* whose function it belongs to; NULL: the loop's */
    int count;            /* tasks that have not ended */
    bool failed;          /* one of them has, and the rest is cancelled */
    bool cancelled_owner; /* for that reason */
    int interrupted;      /* what ended the owner's waiting: errno */
};

/* For the two functions below alone: the task that runs in this thread, and
 * whether any thread has ever run one. Without tasks the second, which is the
 * cheaper to read, is enough. */
extern _Thread_local struct task *loop_thread_task;
extern atomic_bool loop_ever_ran;

/* The task that runs in this thread now; NULL outside. */
static inline struct task *loop_running(void)
{
    return atomic_load_explicit(&loop_ever_ran, memory_order_relaxed)
               ? loop_thread_task
               : NULL;
}

static inline void loop_set_running(struct task *t)
{
    atomic_store_explicit(&loop_ever_ran, true, memory_order_relaxed);
    loop_thread_task = t;
}

/* NULL with errno where the system refuses. */
struct loop *loop_open(lua_State *L, bool use_poll);

/* Let go of every descriptor; then free it. */
void loop_close(struct loop *loop);

/* Take up a task that is ready; forget one that has ended. */
void loop_add(struct loop *loop, struct task *t);
void loop_remove(struct loop *loop, struct task *t);
struct task *loop_first(const struct loop *loop);

/* Make a waiting task ready. */
void loop_wake(struct task *t);

/* Note what the running task waits for; zero, or errno. EPERM: the file is
 * always ready. The task is to yield then.
 *
 * What it has written is sent first. Where that has to wait, so does the task,
 * and its call is made again, as after any wait, when more can be sent. */
int loop_await(struct task *t, struct handle *handle, int wants,
               int64_t deadline);

/* The same for a descriptor that gathers others (poller_make_set): the task wakes
 * as well when any descriptor is closed, which the kernel would not tell. */
int loop_await_set(struct task *t, struct handle *set_waiters,
                   int64_t deadline);

/* The same for a moment, or for loop_wake. */
int loop_pause(struct task *t, const void *token, int64_t deadline);

/* Wake who gathers descriptors, in any loop: what it gathers may have changed.
 * A socket need not be registered where it is gathered. */
void loop_wake_set_waiters(void);

/* t, which pauses now, waits for the end of `other`. */
void loop_join(struct task *t, struct task *other);

/* Only send what the running task has written. Zero: it is sent; EAGAIN: it
 * waits, and the task is to yield; or errno. */
int loop_flush(struct task *t, int64_t deadline);

/* Let the others run first. */
void loop_requeue(struct task *t);

/* The descriptor is about to be closed, or to be given away. */
void loop_forget(struct handle *handle, bool closing);

/* The number is about to stand for another open file. */
void loop_forget_number(int fd);

/* The task whose turn is the last of those that are ready now; or NULL. */
const struct task *loop_last_ready(const struct loop *loop);

/* A forked child shares all registrations of this thread from now on. */
void loop_share(void);

/* In that child: what is registered is the parent's. Every loop of this thread
 * begins anew, and who waits for a descriptor looks again. */
void loop_renew(void);

/* No task but t goes on. */
void loop_keep_only(struct loop *loop, struct task *t);

/* No task goes on, and none can be woken. */
void loop_halt(struct loop *loop);

/* The task whose results are the loop's. */
struct task *loop_main(const struct loop *loop);
void loop_set_main(struct loop *loop, struct task *t);

/* Something outside will wake a task: a worker thread. */
void loop_hold(struct loop *loop, int change);

/* Nanoseconds, as of the last time that the loop looked. */
int64_t loop_now(const struct loop *loop);

/* The next task to be resumed, or NULL. */
struct task *loop_next(struct loop *loop);

/* When the loop has something to do at the latest; 0: now. */
int64_t loop_deadline(const struct loop *loop);

/* Whether nothing can happen any more though tasks are waiting. */
bool loop_is_stuck(const struct loop *loop);

/* The same, for a loop that is: whether it has been before. */
bool loop_is_stuck_again(struct loop *loop);

/* Wait for changes until `deadline` and make tasks ready. Zero, or errno. */
int loop_poll(struct loop *loop, int64_t deadline);

int loop_descriptor(const struct loop *loop);

/* The system call that loop_poll makes. */
const char *loop_call(const struct loop *loop);

/* The deadlines around the whole loop. */
struct scope *loop_scope(struct loop *loop);
lua_State *loop_state(const struct loop *loop);
void loop_set_state(struct loop *loop, lua_State *L);

#endif
