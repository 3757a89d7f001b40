/*
 * suspend: how a coroutine of a task yields to the loop, and who resumes it.
 */
#ifndef SOCKEYE_TASK_SUSPEND_H
#define SOCKEYE_TASK_SUSPEND_H

#include <stdbool.h>

#include <lua.h>

#include "loop/state.h"

/* Yield to the loop; `step` is called with `context` when the task is resumed.
 * `call` is the name of the call that waits. */
int task_suspend(lua_State *L, struct task *t, const char *call,
                 lua_KContext context, lua_KFunction step);

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
