/*
 * worker: threads for calls that block and give no descriptor to wait for.
 *
 * A job is memory of its own, made by the caller, that knows nothing of Lua. A
 * job that is abandoned before its end frees itself when it is done.
 */
#ifndef SOCKEYE_TASK_WORKER_H
#define SOCKEYE_TASK_WORKER_H

#include <stdbool.h>

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

/* Have a thread run the job, then write a byte to the descriptor `notice`. Both
 * belong to the pool from now on. Zero; or errno, and the job is released. */
int worker_start(struct job *job, int notice);

bool worker_is_done(const struct job *job);

/* Give the job up: it is released now, or when its thread is done with it. */
void worker_abandon(struct job *job);

#endif
