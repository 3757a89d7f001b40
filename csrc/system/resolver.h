/*
 * resolver: what resolve and nameinfo share: they handle the answers of the C
 * library's resolver, and call it in a thread while the caller waits.
 *
 * The resolver's errors are raised with their EAI_ code, errors of the system
 * with their errno. The host or address of a call is at index RESOLVER_SUBJECT
 * of its stack.
 */
#ifndef SOCKEYE_SYSTEM_RESOLVER_H
#define SOCKEYE_SYSTEM_RESOLVER_H

#include <stdbool.h>

#include <lua.h>

#include "task/job_handle.h"
#include "task/wait.h"

/* Stack indices. Only resolve has a list. */
enum { RESOLVER_SUBJECT = 1, RESOLVER_LIST = 4, RESOLVER_HANDLE };

struct resolver_answer {
    int code;       /* zero, or an EAI_ code */
    int error;      /* errno, for EAI_SYSTEM */
    bool collected; /* garbage was collected, to free descriptors */
};

/* Set the answer from the result of an attempt and from errno. */
void resolver_note(struct resolver_answer *answer, int code, int error);

/* After an attempt that failed: collect garbage if descriptors have run out.
 * Returns whether to try again. */
bool resolver_try_again(lua_State *L, struct resolver_answer *answer);

/* Push the answer's error, with the value at RESOLVER_SUBJECT as its
 * address. */
void resolver_push_error(lua_State *L, const char *call,
                         struct resolver_answer answer);

/* Whether the call may block: outside of tasks, without a deadline, and without
 * a handler in Lua that is to run meanwhile. */
bool resolver_may_block(lua_State *L);

/* Push the handle of a job, which `copy` creates from a question and a thread
 * runs. */
void resolver_send(lua_State *L, const char *call,
                   struct job *(*copy)(const void *question),
                   const void *question);

/* Wait until the job of the handle at RESOLVER_HANDLE is done. Returns the
 * job. */
struct job *resolver_await(lua_State *L, const struct call *call,
                           lua_KContext context);

#endif
