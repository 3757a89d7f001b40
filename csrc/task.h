/*
 * task: tasks, and the loop that runs them, as userdata.
 *
 * A call that waits inside a task yields to the loop and is called again as a
 * continuation, from its beginning:
 *
 *     t = task_current(L);
 *     error = loop_await(t, handle, CAN_READ, deadline);
 *     if (error == 0)
 *         return task_suspend(L, t, "recv", context, step);
 */
#ifndef SOCKEYE_TASK_H
#define SOCKEYE_TASK_H

#include <lua.h>

#include "loop.h"

/* The task that runs L; NULL outside. An error where L is a coroutine of the
 * task's own that cannot pass the wait on. */
struct task *task_current(lua_State *L);

/* The same, where `call` makes no sense outside: then an error says so. */
struct task *task_inside(lua_State *L, const char *call);

/* Yield to the loop; `step` is called with `context` when the task is resumed.
 * `call` is what it is seen to wait for. */
int task_suspend(lua_State *L, struct task *t, const char *call,
                 lua_KContext context, lua_KFunction step);

/* Suspend until `token` is what wakes t, or until `deadline`. What speaks
 * against it is raised. */
int task_pause(lua_State *L, struct task *t, const void *token,
               const char *call, int64_t deadline, lua_KContext resumed,
               lua_KFunction step);

/* What speaks against waiting (further): ECANCELED, ETIMEDOUT, or zero. */
int task_refusal(struct task *t, bool resumed);

/* `own`, or the deadline of a scope around it. */
int64_t task_deadline(const struct task *t, int64_t own);

/* Push the userdata of a task that has not ended. */
void task_push(lua_State *L, const struct task *t);

/* Push the Lua line at which a coroutine stands. */
void task_push_place(lua_State *L, lua_State *co);

/* Have t raise ECANCELED where it waits, or where it will. */
void task_cancel(struct task *t);

/* Make a task of the function at `first` and the arguments above it, in
 * `group`, which is at index `owner`. They are replaced by the task. */
struct task *task_spawn(lua_State *L, int first, struct loop *loop,
                        struct group *group, int owner);

/* The task at `arg`, else argument error. */
struct task *task_check(lua_State *L, int arg);

/* Give the ready tasks their turns, then look for changes until `deadline`.
 * False when there is no task left. */
bool task_turn(lua_State *L, struct loop *loop, int64_t deadline);

/* End all tasks now. */
void task_abort(lua_State *L, struct loop *loop);

/* After fork(2) in the child, and in the parent. Zero, or errno. */
int task_fork_child(void);
void task_fork_parent(void);

/* The task type and its functions, into the module table on top. */
void open_task(lua_State *L);

/* ---- groups ---- */

struct group *group_new(lua_State *L, struct loop *loop, struct task *owner);

/* The error on top of the stack has ended `t`: keep it, cancel the others. The
 * group's userdata is at index `group`. */
void group_fail(lua_State *L, int index);
void group_cancel(struct group *group);

#endif
