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

#include <lua.h>

#include "base/argument.h"
#include "loop/loop.h"
#include "task/context.h"
#include "task/suspend.h"

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

/* Register that t waits for `token`, or for `deadline` of the call; then suspend
 * it. Raises if a scope around its code is over, or the deadline has come. */
void task_pause(lua_State *L, struct task *t, const void *token,
                const char *call, int64_t deadline, bool resumed);

/* The name of the call for an error: "flush" if t waits to send earlier output,
 * or failed to; otherwise `call`. */
const char *task_wait_name(const struct task *t, const char *call);

/* Return why t must not wait: ECANCELED: a scope around its code is over;
 * ETIMEDOUT, if it has waited: the deadline of its call has come; or zero. */
int task_find_interruption(struct task *t, bool resumed);

static inline int task_interruption(struct task *t, bool resumed)
{
    if (!t->over && t->scope_limit == NO_DEADLINE && !(resumed && t->timed_out))
        return 0;
    return task_find_interruption(t, resumed);
}

/* Raise the error of an interruption, or any other errno. */
int task_raise(lua_State *L, const char *call, int error);

/* Let another task's wait be over, and completed. */
void task_complete(struct task *t);

/* Create a task in `group`, from the function at `first` and its arguments above
 * it: `count` values. Above these is the table of the loop (live.h), and on top
 * the group. Replaces all by the task. */
struct task *task_spawn(lua_State *L, int first, int count,
                        struct group *group);

/* The function of every task's coroutine. */
int task_body(lua_State *L);

/* The task at `arg`. Raises an argument error if it is none. */
struct task *task_check(lua_State *L, int arg);

/* End t. Its results, or the error, are on its coroutine's stack. An error waits
 * until those that join t have run, in case they are killed before. */
void task_end(lua_State *L, struct task *t);

/* Remove t, which has ended, from its loop. Its error, if none that joins it has
 * raised it, fails its group. */
void task_settle(lua_State *L, struct task *t);

/* Add another file's methods to the type of tasks. */
void task_add_methods(lua_State *L, const luaL_Reg *methods);

/* ---- the tasks that a task spawns ---- */

/* With the task on top of the stack: what it spawns belongs to its own group
 * again. Cancels the tasks of the group that it had for them meanwhile, and
 * pushes that group; nil if there is none. Needs no memory. */
void task_take_nest(lua_State *L, struct task *t);

/* Push the group for tasks that t, which is on top of the stack, spawns. */
struct group *task_push_spawn_group(lua_State *L, struct task *t);

/* Pop the error of t, with which a task of the group at `index`, or its body,
 * has failed. The first cancels the group, which keeps it; a further one is
 * reported. */
void task_fail_group(lua_State *L, int index, struct task *t);

#endif
