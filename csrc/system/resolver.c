/*
 * resolver: handles the answers of the C library's resolver, and calls it in a
 * thread; see resolver.h.
 *
 * Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/interrupt.h"
#include "open.h"
#include "system/resolver.h"
#include "task/task.h"
#include "task/wait.h"

#define MOST_THREADS 1024

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

/* Set the field of the error on top that says what the script asked. */
static void set_question(lua_State *L)
{
    lua_pushvalue(L, RESOLVER_SUBJECT);
    lua_setfield(L, -2, "address");
}

void resolver_push_error(lua_State *L, const char *call,
                         struct resolver_answer answer)
{
    if (answer.code != EAI_SYSTEM)
        error_push_eai(L, call, answer.code, RESOLVER_SUBJECT);
    else
        error_push(L, call, answer.error, 0);
    set_question(L);
}

bool resolver_may_block(lua_State *L)
{
    return task_that_may_wait(L) == NULL && !running_has_deadlines();
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
    set_question(L);
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
    set_question(L);
    lua_error(L);
    return NULL;
}

static void push_counts(lua_State *L)
{
    struct worker_counts counts = worker_count();

    lua_createtable(L, 0, 5);
    field_set_integer(L, "threads", counts.limit);
    field_set_integer(L, "running", counts.running);
    field_set_integer(L, "idle", counts.idle);
    field_set_integer(L, "abandoned", counts.abandoned);
    field_set_integer(L, "queued", counts.queued);
}

/*** Set or read how many names are looked up at once.
Inside a task, or under a deadline, `resolve` and `nameinfo` ask the name servers
in a thread, since a call of the C library blocks until it has an answer. All Lua
states of the process share these threads. One is started for a look-up that
finds none idle, up to a limit of 64 at first, and ends when it has been idle for
some seconds. Beyond the limit look-ups wait for each other: in programs that ask
for many names whose servers may not answer, raise it.

A look-up that nobody waits for any more, because its task was cancelled or its
time ran out, cannot be ended before the C library gives up. Its thread does not
count against the limit; of such threads at most 256 are left out of account.
Numeric hosts need no thread.
@function resolver
@tab[opt] options `threads`: the limit, from 1 to 1024; nil: only read it
@treturn table `threads`, the limit; `running`, how many threads look up a name
that is waited for; `idle`, how many wait for a look-up; `abandoned`, how many
are at one that nobody waits for; `queued`, how many look-ups wait for a thread
@raise argument error for another number
@usage
sockeye.resolver{threads = 200}
print(sockeye.resolver().running)
*/
static int sockeye_resolver(lua_State *L)
{
    static const char *const fields[] = {"threads", NULL};
    int limit = 0;

    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) {
        check_fields(L, 1, fields);
        limit = (int)field_opt_integer(L, 1, 1, "threads", 1, MOST_THREADS, 0);
    }
    if (limit != 0)
        worker_limit(limit);
    push_counts(L);
    return 1;
}

void open_resolver(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"resolver", sockeye_resolver},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
