/*
 * worker: threads for calls that block and give no descriptor to wait for.
 *
 * A job is memory that the caller allocates, and uses nothing of Lua. A job
 * that is abandoned before its end is released when it is done.
 */
#ifndef SOCKEYE_TASK_WORKER_H
#define SOCKEYE_TASK_WORKER_H

#include <stdbool.h>

#define WORKER_THREADS 64 /* the limit at first */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct job {
    void (*run)(struct job *job); /* on a thread, with all signals blocked */
    /* Free the job; and, only if `done`, what run has allocated. */
    void (*release)(struct job *job, bool done);
    /* Private to worker.c. */
    struct job *next;
    enum job_state state;
    bool abandoned;
    unsigned generation; /* the number of forks before it was started */
    int notice;          /* a byte is written to it at the end; -1: none */
};

/* Have a thread run the job, then write a byte to the descriptor `notice`. The
 * pool owns both from now on. Returns zero; or errno, after releasing the
 * job. */
int worker_start(struct job *job, int notice);

bool worker_is_done(const struct job *job);

/* Abandon the job: it is released now, or when its thread is done with it. */
void worker_abandon(struct job *job);

/* Set how many threads there may be, beside those whose job was abandoned. */
void worker_limit(int threads);

/* The limit; how many threads run a job that is awaited, wait for one, or run
 * one that was abandoned; how many jobs wait for a thread. */
struct worker_counts {
    int limit, running, idle, abandoned, queued;
};

struct worker_counts worker_count(void);

#endif
