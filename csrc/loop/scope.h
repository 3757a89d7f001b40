/*
 * scope: what is cancelled together, and comes to its deadline together.
 *
 * Scopes form a tree. A task's own scope is inside that of its group; what the
 * task opens, a group, a deadline or a shield, is inside the innermost scope
 * that it is in. A scope is over once it is cancelled or its deadline has come;
 * the code of a task is over once a scope around it is, up to the first shield.
 * Tasks keep what holds for their code (struct task: over, scope_limit), so that
 * a call looks at no tree.
 *
 * The scopes that a coroutine has opened are in force while it runs. One that
 * yields to its consumer takes them along, with the groups in them, until it is
 * resumed. Nothing here calls Lua.
 */
#ifndef SOCKEYE_LOOP_SCOPE_H
#define SOCKEYE_LOOP_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "loop/state.h"

/* Prepare a scope that is in no other. */
void scope_init(struct opened_scope *s, enum scope_kind kind, lua_State *opener,
                int64_t deadline);

/* Put a scope that is in no other into `outer`. */
void scope_put(struct scope *s, struct scope *outer);

/* Let t, whose code is in no scope yet, be in its own, inside `outer`. */
void scope_begin(struct task *t, struct scope *outer);

/* Let t, whose code opens the scope, be in it. */
void scope_enter(struct task *t, struct scope *s);

/* Let code outside of tasks be in it: it comes first in the list of its Lua state,
 * the next one further out behind it. */
void scope_enter_outside(struct scope *s, struct scope **list);

/* The scope after `s` in a walk over all those in `top`; `shielded`: those in
 * shields, too. NULL: the walk has ended. */
struct scope *scope_walk(struct scope *s, const struct scope *top,
                         bool shielded);

/* Put a scope that is in another into `outer`. */
void scope_move(struct scope *s, struct scope *outer);

/* Remove the scope. What is in it is in its outer one from now on. */
void scope_leave(struct scope *s);

/* Remove the own scope of t, which has ended, or is not resumed again. Others that
 * its coroutines have opened may stay until they are collected: they have it no
 * more. */
void scope_end(struct task *t);

/* Cancel the scope: wakes the tasks inside. */
void scope_cancel(struct scope *s);

/* Compute anew what holds for the code of t. */
void scope_refresh(struct task *t);

/* Whether it, or one further out, is over at that time. */
bool scope_is_over(const struct scope *s, int64_t now);

/* The next scope further out that counts; NULL: none. */
static inline struct scope *scope_outer(const struct scope *s)
{
    return s->kind == SCOPE_SHIELD ? NULL : s->outer;
}

/* The same scope, which is not a task's own. */
static inline struct opened_scope *scope_opened(const struct scope *s)
{
    return (struct opened_scope *)s;
}

/* The task whose own scope it is. */
static inline struct task *scope_owner(const struct scope *s)
{
    return (struct task *)((char *)s - offsetof(struct task, own));
}

static inline int64_t scope_deadline(const struct scope *s)
{
    return s->kind != SCOPE_TASK ? scope_opened(s)->deadline : NO_DEADLINE;
}

/* Whether the coroutine has opened it. */
static inline bool scope_is_opened_by(const struct scope *s, lua_State *co)
{
    return s->kind != SCOPE_TASK ? scope_opened(s)->opener == co
                                 : scope_owner(s)->co == co;
}

/* Whether t is in a scope that the coroutine has opened: if it does not run, t
 * cannot resume it, whose scopes would be in each other. */
bool scope_is_inside(const struct task *t, lua_State *co);

/* Take the scopes that the coroutine has opened from t into the list `taken`; put
 * them back into the scope that t, which resumes the coroutine, is in. */
void scope_take_along(struct task *t, lua_State *co, struct scope **taken);
void scope_put_back(struct task *t, lua_State *co, struct scope **taken);

/* Where a task resumes a coroutine that was resumed outside of tasks before: put
 * its scopes, out of the list of those outside, into the scope that t is in. Where
 * it is resumed outside of tasks: put those that it took along into that list. */
void scope_bring_in(struct task *t, lua_State *co, struct scope **list);
void scope_bring_out(lua_State *co, struct scope **taken, struct scope **list);

#endif
