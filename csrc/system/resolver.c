/*
 * resolver: handles the answers of the C library's resolver, and calls it in a
 * thread; see resolver.h.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "system/resolver.h"
#include "task/task.h"
#include "task/wait.h"

/* Without a descriptor to ask with, the resolver reports that the name does not
 * exist; only errno, which was zero before, shows why. */
void resolver_note(struct resolver_answer *answer, int code, int error)
{
    bool none_left = code != 0 && (error == EMFILE || error == ENFILE);

    answer->code = none_left ? EAI_SYSTEM : code;
    answer->error = error;
}

bool resolver_try_again(lua_State *L, struct resolver_answer *answer)
{
    if (answer->code != EAI_SYSTEM)
        return false;
    if (answer->error == EINTR)
        interrupt_run(L);
    return answer->error == EINTR ||
           descriptor_collect(L, answer->error, &answer->collected);
}

int resolver_raise(lua_State *L, const char *call,
                   struct resolver_answer answer, int subject)
{
    if (answer.code != EAI_SYSTEM)
        return error_raise_eai(L, call, answer.code, subject);
    error_push(L, call, answer.error, 0);
    lua_pushvalue(L, subject);
    lua_setfield(L, -2, "address");
    return lua_error(L);
}

bool resolver_may_block(lua_State *L)
{
    return task_that_may_wait(L) == NULL &&
           outside_limit(L, NO_DEADLINE) == NO_DEADLINE;
}

static int open_handle(lua_State *L, struct job_handle *h)
{
    bool collected = false;
    int error;

    do
        error = job_handle_open(h);
    while (error != 0 && descriptor_collect(L, error, &collected));
    return error;
}

void resolver_send(lua_State *L, const char *call,
                   struct job *(*copy)(const void *question),
                   const void *question)
{
    struct job_handle *h = job_handle_new(L);
    int error = open_handle(L, h);
    struct job *job = error == 0 ? copy(question) : NULL;

    if (error == 0)
        error = job != NULL ? job_handle_start(h, job) : ENOMEM;
    if (error == 0)
        return;
    job_handle_drop(L, h);
    error_push(L, call, error, 0);
    lua_pushvalue(L, RESOLVER_SUBJECT);
    lua_setfield(L, -2, "address");
    lua_error(L);
}

struct job *resolver_await(lua_State *L, const struct call *call,
                           lua_KContext context)
{
    struct job_handle *h = lua_touserdata(L, RESOLVER_HANDLE);
    struct wait w;
    bool done;

    wait_start(L, &w, call, &h->handle, 0, context);
    do {
        done = job_handle_is_done(h);
        errno = EAGAIN;
    } while (!done && wait_again(L, &w));
    if (done)
        return h->job;
    job_handle_drop(L, h);
    wait_push_error(L, &w, 0);
    lua_pushvalue(L, RESOLVER_SUBJECT);
    lua_setfield(L, -2, "address");
    lua_error(L);
    return NULL;
}
