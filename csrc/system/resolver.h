/*
 * resolver: what resolve and nameinfo share: the resolver's answers, and a
 * thread that asks while the caller waits.
 *
 * Errors of the resolver are raised by their EAI_ code, errors of the system by
 * errno. The object that a call asks for is at RESOLVER_SUBJECT of its stack.
 */
#ifndef SOCKEYE_SYSTEM_RESOLVER_H
#define SOCKEYE_SYSTEM_RESOLVER_H

#include <stdbool.h>

#include <lua.h>

#include "task/job_handle.h"
#include "task/wait.h"

/* Places on the stack. The list is for names only. */
enum { RESOLVER_SUBJECT = 1, RESOLVER_LIST = 4, RESOLVER_HANDLE };

struct resolver_answer {
    int code;       /* zero, or an EAI_ code */
    int error;      /* errno, for EAI_SYSTEM */
    bool collected; /* garbage, for the sake of descriptors */
};

/* Set the answer from the result of an attempt and from errno. */
void resolver_note(struct resolver_answer *answer, int code, int error);

/* After an attempt that failed: whether to try once more. */
bool resolver_try_again(lua_State *L, struct resolver_answer *answer);

/* Raise the answer's error, with the value at `subject` as its address. */
int resolver_raise(lua_State *L, const char *call,
                   struct resolver_answer answer, int subject);

/* Whether the caller may block until there is an answer. */
bool resolver_may_block(lua_State *L);

/* Push a job handle: a thread runs the job that `copy` makes of a question. */
void resolver_send(lua_State *L, const char *call,
                   struct job *(*copy)(const void *question),
                   const void *question);

/* Wait until the job of the handle at RESOLVER_HANDLE is done; return it. */
struct job *resolver_await(lua_State *L, const struct call *call,
                           lua_KContext context);

#endif
