/*
 * suspend: how a coroutine of a task yields to the loop, and who resumes it.
 */
#ifndef SOCKEYE_TASK_SUSPEND_H
#define SOCKEYE_TASK_SUSPEND_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "loop/state.h"

/* Private to task_suspend: the last ticket given to a wait; the continuation of
 * every wait; how a generator yields, which is marked: in a task that is killed
 * it raises ECANCELED instead. */
extern _Atomic uintptr_t suspend_tickets;
int suspend_go_on(lua_State *L, int status, lua_KContext context);
int suspend_generator(lua_State *L, struct task *t);

/* Yield to the loop; `step` is called with `context` when the task is resumed.
 * `call` is the name of the call that waits. */
static inline int task_suspend(lua_State *L, struct task *t, const char *call,
                               lua_KContext context, lua_KFunction step)
{
    t->call = call;
    t->suspending = true;
    t->step = step;
    t->step_context = (int8_t)context;
    t->ticket = ++suspend_tickets;
    if (L != t->co || t->killed)
        return suspend_generator(L, t);
    return lua_yieldk(L, 0, (lua_KContext)t->ticket, suspend_go_on);
}

/* A generator that waits has a mark on its stack, so that no other task resumes
 * it. Push the mark, for L that yields for t, and return how many values that
 * are; remove it; look for it. */
extern const char suspend_mark_tag;

static inline int suspend_mark(lua_State *L, const struct task *t)
{
    if (L == t->co)
        return 0;
    lua_pushlightuserdata(L, (void *)&suspend_mark_tag);
    return 1;
}

static inline void suspend_unmark(lua_State *L, const struct task *t)
{
    if (t != NULL && L != t->co)
        lua_pop(L, 1);
}

bool suspend_is_marked(lua_State *co);

/* Whether the coroutine runs, or has resumed another: it can be neither resumed
 * nor closed. */
bool task_coroutine_runs(lua_State *co);

#endif
