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

/* The user values of a task that are the traceback of its failure, and the
 * group of those that it spawns where it nests. */
enum { TASK_TRACEBACK = 3, TASK_NEST };

/* Whether t is a task: not NULL, nor the stand-in of wait.h for code that runs
 * outside of tasks. */
static inline bool task_has_coroutine(const struct task *t)
{
    return t != NULL && t->co != NULL;
}

/* The task that runs L; NULL outside of tasks. Raises an error where L is a
 * coroutine of the task's own that cannot pass the wait on. */
struct task *task_that_may_wait(lua_State *L);

/* The same for a call that does not wait: any coroutine of the task will do. */
struct task *task_running(lua_State *L);

/* Whether a call on L may wait: outside of a task, or where it can yield. */
bool task_may_wait(lua_State *L);

/* The same two for a `call` that makes no sense outside of tasks: there they
 * raise an error that names it. */
struct task *task_require_waiting(lua_State *L, const char *call);
struct task *task_require(lua_State *L, const char *call);

/* Yield to the loop; `step` is called with `context` when the task is resumed.
 * `call` is the name of what it waits for. */
int task_suspend(lua_State *L, struct task *t, const char *call,
                 lua_KContext context, lua_KFunction step);

/* Register that t waits for `token` or `deadline`; then suspend it. Raises if t
 * was cancelled or timed out. */
void task_pause(lua_State *L, struct task *t, const void *token,
                const char *call, int64_t deadline, bool resumed);

/* "flush" where t waits to send what it has written before, or has met an error
 * in that; otherwise `call`. */
const char *task_wait_name(const struct task *t, const char *call);

/* Take from t why it must stop waiting: ECANCELED, ETIMEDOUT, or zero. */
int task_take_interruption(struct task *t, bool resumed);

/* `own`, or the deadline of a scope around it. */
int64_t task_deadline(const struct task *t, int64_t own);

/* Push the userdata of a task that has not ended. */
void task_push(lua_State *L, const struct task *t);

/* Create and push, or push again, the table that keeps a loop's tasks alive as
 * long as somebody keeps the table. Keys are pointers to the tasks, and one to
 * the loop, for its group. */
void task_open_loop(lua_State *L, const struct loop *loop);
void task_push_live(lua_State *L, const struct loop *loop);

/* Make t raise ECANCELED where it waits, or at its next wait. */
void task_cancel(struct task *t);

/* Make a task of the function at `first` and the arguments above it, in
 * `group`, which is at index `owner`. They are replaced by the task. */
struct task *task_spawn(lua_State *L, int first, struct loop *loop,
                        struct group *group, int owner);

/* The task at `arg`, else argument error. */
struct task *task_check(lua_State *L, int arg);

/* t has ended: its results, or the error, are on its coroutine's stack. */
void task_end(lua_State *L, struct task *t);

/* Add another file's methods to the type of tasks. */
void task_add_methods(lua_State *L, const luaL_Reg *methods);

/* ---- groups ---- */

extern const char task_group_tag; /* marks this userdata */

/* Push a new group. `owner` is the task that is kept alive with it: whose
 * function it belongs to, or NULL. */
struct group *task_group_new(lua_State *L, struct loop *loop,
                             struct task *owner);

/* Push the group of what t, the task on top of the stack, spawns. */
struct group *task_push_spawn_group(lua_State *L, struct task *t);

/* In a forked child, in which t alone goes on: make the loop's group, at
 * `index`, its group. */
void task_group_take(lua_State *L, int index, struct task *t);

/* The error on top of the stack has ended a task of the group at `index`: keep
 * it and cancel the others. Pops the error. */
void task_group_fail(lua_State *L, int index);

/* Raise the error that was kept. */
int task_group_raise(lua_State *L, int index);

void task_group_cancel(struct group *group);

/* Add another file's methods to the type of groups. */
void task_group_add_methods(lua_State *L, const luaL_Reg *methods);

#endif
