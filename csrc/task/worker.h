/*
 * worker: threads for what blocks and gives no descriptor to wait for.
 *
 * A job is memory of its own, made by the caller, that knows nothing of Lua. An
 * errand is the userdata that has one done; its handle becomes readable when
 * it is:
 *
 *     struct errand *e = errand_new(L);
 *     error = errand_open(e);
 *     error = errand_start(e, &job->job);
 *     ...
 *     while (!errand_is_done(e) && ...)     wait.h
 *     ... the results are in the job ...
 *     errand_drop(e);
 *
 * A job whose errand is dropped or collected before its end frees itself when
 * it is done.
 */
#ifndef SOCKEYE_TASK_WORKER_H
#define SOCKEYE_TASK_WORKER_H

#include <stdbool.h>

#include <lua.h>

#include "loop/loop.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct job {
    void (*run)(struct job *job); /* on a thread, with all signals blocked */
    /* Free it. What run leaves behind is there only if it is `done`. */
    void (*release)(struct job *job, bool done);
    /* The pool's own. */
    struct job *next;
    enum job_state state;
    bool abandoned;
    unsigned generation; /* of processes since the library was loaded */
    int notice;          /* is written to at the end; -1: nobody listens */
};

struct errand {
    struct handle handle;
    int notice;      /* for the job; -1: it has it */
    struct job *job; /* NULL: none */
};

/* Push an errand without a job. */
struct errand *errand_new(lua_State *L);

/* Get the descriptor that will tell: zero, or errno. */
int errand_open(struct errand *e);

/* Hand the job over, which is the errand's from now on: zero, or errno. */
int errand_start(struct errand *e, struct job *job);

bool errand_is_done(struct errand *e);

/* Let go of the job and the descriptor. */
void errand_drop(struct errand *e);

/* The type, before the first errand_new. */
void open_worker(lua_State *L);

#endif
