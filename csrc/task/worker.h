/*
 * worker: threads for what blocks and gives no descriptor to wait for.
 *
 * A job is memory of its own, made by the caller, that knows nothing of Lua. An
 * errand is the userdata that has one done; its handle becomes readable when
 * it is:
 *
 *     struct errand *e = job_handle_new(L);
 *     error = job_handle_open(e);
 *     error = job_handle_start(e, &job->job);
 *     ...
 *     while (!job_handle_is_done(e) && ...)     wait.h
 *     ... the results are in the job ...
 *     job_handle_drop(e);
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

struct job_handle {
    struct handle handle;
    int notice;      /* for the job; -1: it has it */
    struct job *job; /* NULL: none */
};

/* Push an errand without a job. */
struct job_handle *job_handle_new(lua_State *L);

/* Get the descriptor that will tell: zero, or errno. */
int job_handle_open(struct job_handle *e);

/* Hand the job over, which is the errand's from now on: zero, or errno. */
int job_handle_start(struct job_handle *e, struct job *job);

bool job_handle_is_done(struct job_handle *e);

/* Let go of the job and the descriptor. */
void job_handle_drop(struct job_handle *e);

#endif
