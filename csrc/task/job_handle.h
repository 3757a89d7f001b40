/*
 * job_handle: the userdata that owns a job of worker.h. Its handle becomes
 * readable when the job is done:
 *
 *     struct job_handle *h = job_handle_new(L);
 *     error = job_handle_open(h);
 *     error = job_handle_start(h, &job->job);
 *     ...
 *     while (!job_handle_is_done(h) && ...)     wait.h
 *     ... the results are in the job ...
 *     job_handle_drop(L, h);
 *
 * The job of a handle that is dropped or collected is abandoned.
 */
#ifndef SOCKEYE_TASK_JOB_HANDLE_H
#define SOCKEYE_TASK_JOB_HANDLE_H

#include <stdbool.h>

#include <lua.h>

#include "loop/loop.h"
#include "task/worker.h"

struct job_handle {
    struct handle handle;
    int notice;      /* descriptor for worker_start; -1: the job owns it */
    struct job *job; /* NULL: none */
};

/* Push a handle without a job. */
struct job_handle *job_handle_new(lua_State *L);

/* Open the descriptor that becomes readable. Returns zero or errno. */
int job_handle_open(struct job_handle *h);

/* Start the job, which the handle owns from now on. Returns zero or errno. */
int job_handle_start(struct job_handle *h, struct job *job);

bool job_handle_is_done(const struct job_handle *h);

/* Abandon the job, if any, and close the descriptor. */
void job_handle_drop(lua_State *L, struct job_handle *h);

#endif
