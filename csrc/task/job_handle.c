/*
 * job_handle: the userdata that owns a job; see job_handle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/metatable.h"
#include "open.h"
#include "task/job_handle.h"
#include "task/loops.h"

#define JOB_HANDLE_TYPE "sockeye.job_handle"

struct job_handle *job_handle_new(lua_State *L)
{
    struct job_handle *h = lua_newuserdatauv(L, sizeof *h, 0);

    *h = (struct job_handle){
        .handle = {.fd = -1, .timeout = NO_DEADLINE},
        .notice = -1,
    };
    luaL_setmetatable(L, JOB_HANDLE_TYPE);
    return h;
}

int job_handle_open(struct job_handle *h)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1)
        return errno;
    h->handle.fd = ends[0];
    h->notice = ends[1];
    return 0;
}

int job_handle_start(struct job_handle *h, struct job *job)
{
    int error = worker_start(job, h->notice);

    h->notice = -1;
    if (error == 0)
        h->job = job;
    return error;
}

bool job_handle_is_done(const struct job_handle *h)
{
    return worker_is_done(h->job);
}

void job_handle_drop(lua_State *L, struct job_handle *h)
{
    struct job *job = h->job;
    int fd = h->handle.fd;

    h->job = NULL;
    if (job != NULL)
        worker_abandon(job);
    if (h->notice != -1)
        close(h->notice);
    h->notice = -1;
    if (fd == -1)
        return;
    loop_forget(task_loops_if_any(L), &h->handle, true);
    h->handle.fd = -1;
    close(fd);
}

static int job_handle_gc(lua_State *L)
{
    job_handle_drop(L, luaL_checkudata(L, 1, JOB_HANDLE_TYPE));
    return 0;
}

void open_job_handle(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__close", job_handle_gc},
        {"__gc", job_handle_gc},
        {NULL, NULL},
    };

    metatable_push(L, JOB_HANDLE_TYPE, metamethods);
    lua_pop(L, 1);
}
