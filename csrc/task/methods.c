/*
 * methods: the functions on_error, spawn, spawn_daemon and yield, and the
 * methods of tasks: cancel, join, status, traceback.
 *
 * Functions named sockeye_* are the module's; task_*, if their only parameter
 * is a lua_State, are methods of a task.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/error.h"
#include "open.h"
#include "loop/scope.h"
#include "task/describe.h"
#include "task/live.h"
#include "task/report.h"
#include "task/task.h"
#include "task/turn.h"
#include "task/wait.h"

static struct task *spawn(lua_State *L)
{
    int count = lua_gettop(L);
    struct task *self;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    self = task_require_live(L, "spawn");
    turn_end_fork(L, self->loop);
    task_push_live(L, self->loop);
    lua_rawgetp(L, -1, self);
    return task_spawn(L, 1, count, task_push_spawn_group(L, self));
}

/*** Start a task that runs a function concurrently with the caller.
It belongs to the same group as the calling task.
@function spawn
@func f the function it runs; `Task:join` returns its results
@param ... arguments for `f`
@treturn Task
@raise an error outside of `run`
*/
static int sockeye_spawn(lua_State *L)
{
    spawn(L);
    return 1;
}

/*** Start a task for which nothing waits: it is cancelled when only such tasks
are left in its group, which is that of the calling task.
@function spawn_daemon
@func f the function it runs
@param ... arguments for `f`
@treturn Task
@raise an error outside of `run`
*/
static int sockeye_spawn_daemon(lua_State *L)
{
    struct task *t = spawn(L);

    t->is_daemon = true;
    t->group->daemons++;
    return 1;
}

/*** Cancel the task, and the groups that it has opened.
Every wait of its function raises ECANCELED from now on, until that has ended. A
task that has not begun still begins, and runs to its first wait. A task that has
ended is left alone.
@function Task:cancel
@treturn Task itself
*/
static int task_cancel_method(lua_State *L)
{
    struct task *t = task_check(L, 1);

    if (t->status <= TASK_WAITING)
        scope_cancel(&t->own);
    lua_settop(L, 1);
    return 1;
}

/*** Return what the task is doing. `tostring` says more: `"task (waiting in recv,
spawned at server.lua:12)"`; of a group and a loop it says how many tasks they
have: `"group (3 tasks)"`, `"loop (2 tasks)"`.
@function Task:status
@treturn string `"ready"`, `"running"`, `"waiting"`, `"done"`, `"failed"`,
`"cancelled"` or `"killed"`
*/
static int task_status(lua_State *L)
{
    lua_pushstring(L, describe_status(task_check(L, 1)));
    return 1;
}

/*** Return the traceback of the error that ended the task.
@function Task:traceback
@treturn ?string nil if it has not failed
*/
static int task_traceback(lua_State *L)
{
    task_check(L, 1);
    if (lua_getiuservalue(L, 1, TASK_TRACEBACK) == LUA_TTABLE)
        lua_pushnil(L);
    return 1;
}

/* Raise what joining a task raises that was cancelled, or killed. */
static int raise_cancelled(lua_State *L)
{
    error_push(L, "join", ECANCELED, 0);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "task");
    return lua_error(L);
}

/* Push the results of a task that has ended, or raise its error, from its
 * coroutine's stack. */
static int push_results(lua_State *L, struct task *t)
{
    int count = lua_gettop(t->co);

    if (t->abandoned || t->status > TASK_FAILED)
        return raise_cancelled(L);
    luaL_checkstack(L, count, "too many results");
    if (!lua_checkstack(t->co, count))
        return luaL_error(L, "too many results");
    for (int i = 1; i <= count; i++)
        lua_pushvalue(t->co, i);
    lua_xmove(t->co, L, count);
    t->unclaimed = false;
    return t->status == TASK_DONE ? count : lua_error(L);
}

static int join_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"join", 0, join_step};
    struct task *t = task_check(L, 1);
    struct task *self;

    (void)status;
    wait_turn(L, &call, context);
    self = loop_running();
    if (task_has_ended(t) && (context <= WAIT_FIRST || self->completed ||
                              task_interruption(self, false) == 0))
        return push_results(L, t);
    self = task_require_waiting(L, "join");
    if (t == self)
        return error_raise(L, "join", EDEADLK, 0);
    task_pause(L, self, t, "join", NO_DEADLINE, context > WAIT_FIRST);
    loop_join(self, t);
    return task_suspend(L, self, task_wait_name(self, "join"), WAIT_RESUMED,
                        join_step);
}

/*** Wait until the task has ended.
@function Task:join
@return the results of its function
@raise the error that ended it; ECANCELED with `task`, but without `canceled`, if
it was cancelled or killed; ECANCELED with `canceled` if a scope around the
caller is over: then the task's error goes to its group; EDEADLK if a task joins
itself
*/
static int task_join(lua_State *L)
{
    lua_settop(L, 1);
    return join_step(L, LUA_OK, WAIT_FIRST);
}

/* The first time it yields; then it may raise. */
static int yield_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    if (task_interruption(loop_running(), false) != 0)
        return error_raise_canceled(L, "yield", 0);
    return 0;
}

/*** Let the other tasks run first.
@function yield
@raise ECANCELED if a scope around its code is over; an error outside of `run`
*/
static int sockeye_yield(lua_State *L)
{
    struct task *t = task_require_waiting(L, "yield");

    loop_requeue(t);
    return task_suspend(L, t, "yield", WAIT_FIRST, yield_step);
}

/*** Set the function that gets the errors which nothing raises: a further one of
a group's tasks, which raises the first; one in a `<close>` variable of a task
that is killed. By default they are written to standard error, with the
traceback.
It applies to the tasks of the caller's loop. For those of a handler of `serve`
with an `on_error` of its own, that is called, unless the task is killed.
@function on_error
@func f called with the error, the task and the traceback; it may not wait. If it
raises, both errors are written to standard error. Nil: as by default
@raise an error outside of `run`
@usage
sockeye.on_error(function(err, task, traceback)
  log:write(tostring(err), "\n", traceback or "", "\n")
end)
*/
static int sockeye_on_error(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    report_set(L, task_require(L, "on_error")->loop);
    return 0;
}

void open_task_methods(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"on_error", sockeye_on_error},
        {"spawn", sockeye_spawn},
        {"spawn_daemon", sockeye_spawn_daemon},
        {"yield", sockeye_yield},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"cancel", task_cancel_method},
        {"join", task_join},
        {"status", task_status},
        {"traceback", task_traceback},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    task_add_methods(L, methods);
}
