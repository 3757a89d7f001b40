/*
 * task: tasks, and the loop that runs them, as userdata.
 *
 * A call that waits inside a task yields to the loop and is called again as a
 * continuation, from its beginning:
 *
 *     t = task_that_may_wait(L);
 *     error = loop_await(t, handle, POLLIN, deadline);
 *     if (error == 0)
 *         return task_suspend(L, t, "recv", context, step);
 */
#ifndef SOCKEYE_TASK_TASK_H
#define SOCKEYE_TASK_TASK_H

#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

#include "loop/loop.h"
#include "task/context.h"
#include "task/suspend.h"

/* User values of a task: the traceback of its failure; the group of the tasks
 * that it spawns, between begin_spawn_group and end_spawn_group. */
enum { TASK_TRACEBACK = 3, TASK_NEST };

/* Whether t is a task: not NULL, nor the stand-in of wait.h for code that runs
 * outside of tasks. */
static inline bool task_has_coroutine(const struct task *t)
{
    return t != NULL && t->co != NULL;
}

static inline bool task_has_ended(const struct task *t)
{
    return t->status > TASK_WAITING;
}

/* The task that runs L; NULL outside of tasks. Raises an error if L is another
 * coroutine, which was not resumed by sockeye.resume and so cannot wait. */
struct task *task_that_may_wait(lua_State *L);

/* The task that runs, in whatever coroutine; NULL outside of tasks. */
struct task *task_running(lua_State *L);

/* Whether a call on L may wait: outside of tasks, or in a task that can
 * yield. */
bool task_may_wait(lua_State *L);

/* task_that_may_wait and task_running for a `call` that makes sense in tasks
 * only: outside they raise an error that names it. */
struct task *task_require_waiting(lua_State *L, const char *call);
struct task *task_require(lua_State *L, const char *call);

/* task_require for a `call` that starts tasks: raises an error, too, where the
 * loop has ended and only `<close>` variables of its tasks still run. */
struct task *task_require_live(lua_State *L, const char *call);

/* Register that t waits for `token` or `deadline`; then suspend it. Raises if t
 * was cancelled or timed out. */
void task_pause(lua_State *L, struct task *t, const void *token,
                const char *call, int64_t deadline, bool resumed);

/* The name of the call for an error: "flush" if t waits to send earlier output,
 * or failed to; otherwise `call`. */
const char *task_wait_name(const struct task *t, const char *call);

/* Return why t must stop waiting, and clear it: ECANCELED, ETIMEDOUT, or
 * zero. */
int task_take_interruption(struct task *t, bool resumed);

/* The earlier of `own` and the deadlines that t is under. */
int64_t task_deadline(const struct task *t, int64_t own);

/* Make t raise ECANCELED where it waits, or at its next wait. */
void task_cancel(struct task *t);

/* Create a task in `group`, which is at index `owner`, from the function at
 * `first` and the arguments above it. Replaces them with the task. */
struct task *task_spawn(lua_State *L, int first, struct loop *loop,
                        struct group *group, int owner);

/* The task at `arg`. Raises an argument error if it is none. */
struct task *task_check(lua_State *L, int arg);

/* End t. Its results, or the error, are on its coroutine's stack. */
void task_end(lua_State *L, struct task *t);

/* Add another file's methods to the type of tasks. */
void task_add_methods(lua_State *L, const luaL_Reg *methods);

/* ---- groups ---- */

extern const char task_group_tag; /* marks this userdata */

/* Push a new group. `owner` is the task that created it, which the group keeps
 * alive; or NULL. */
struct group *task_group_new(lua_State *L, struct loop *loop,
                             struct task *owner);

/* With the task on top of the stack: what it spawns belongs to its own group
 * again. Cancels the tasks of the group that it had for them meanwhile, and
 * pushes that group; nil if there is none. Needs no memory. */
void task_take_nest(lua_State *L, struct task *t);

/* Push the group for tasks that t, which is on top of the stack, spawns. */
struct group *task_push_spawn_group(lua_State *L, struct task *t);

/* Move t into the loop's group, which is at `index`, as its owner, and clear
 * the group's failure. */
void task_group_take(lua_State *L, int index, struct task *t);

/* Pop the error that has ended a task of the group at `index`, keep it, and
 * cancel the other tasks. */
void task_group_fail(lua_State *L, int index);

/* Raise the error that task_group_fail kept. */
int task_group_raise(lua_State *L, int index);

void task_group_cancel(struct group *group);

/* Whether the function that the group belongs to has ended, or its loop. */
bool task_group_is_over(const struct group *group);

/* Add another file's methods to the type of groups. */
void task_group_add_methods(lua_State *L, const luaL_Reg *methods);

#endif
