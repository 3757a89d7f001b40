/*
 * methods: the functions spawn and yield, and the methods of tasks: cancel,
 * join, status, traceback.
 *
 * Functions named sockeye_* are the module's; task_*, if their only parameter
 * is a lua_State, are methods of a task.
 */
#include <errno.h>

#include <lauxlib.h>

#include "base/error.h"
#include "open.h"
#include "task/live.h"
#include "task/task.h"
#include "task/turn.h"

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
    struct task *self;
    struct group *group;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    self = task_require_live(L, "spawn");
    turn_end_fork(L, self->loop);
    task_push(L, self);
    group = task_push_spawn_group(L, self);
    lua_replace(L, -2);
    lua_insert(L, 1);
    task_spawn(L, 2, self->loop, group, 1);
    return 1;
}

/*** Make the task raise ECANCELED where it waits, or at its next wait.
A task that has ended is left alone.
@function Task:cancel
@treturn Task itself
*/
static int task_cancel_method(lua_State *L)
{
    task_cancel(task_check(L, 1));
    lua_settop(L, 1);
    return 1;
}

/*** Return what the task is doing.
@function Task:status
@treturn string `"ready"`, `"running"`, `"waiting"`, `"done"`, `"failed"` or
`"cancelled"`
*/
static int task_status(lua_State *L)
{
    static const char *const names[] = {"ready", "running", "waiting",
                                        "done",  "failed",  "cancelled"};

    lua_pushstring(L, names[task_check(L, 1)->status]);
    return 1;
}

/*** Return the traceback of the error that ended the task.
@function Task:traceback
@treturn ?string nil if it has not failed
*/
static int task_traceback(lua_State *L)
{
    task_check(L, 1);
    lua_getiuservalue(L, 1, TASK_TRACEBACK);
    return 1;
}

static bool has_ended(const struct task *t)
{
    return t->status > TASK_WAITING;
}

/* Push the results of a task that has ended, or raise its error, from its
 * coroutine's stack. */
static int push_results(lua_State *L, const struct task *t)
{
    int count = lua_gettop(t->co);

    if (t->abandoned)
        return error_raise(L, "join", ECANCELED, 0);
    luaL_checkstack(L, count, "too many results");
    if (!lua_checkstack(t->co, count))
        return luaL_error(L, "too many results");
    for (int i = 1; i <= count; i++)
        lua_pushvalue(t->co, i);
    lua_xmove(t->co, L, count);
    return t->status == TASK_DONE ? count : lua_error(L);
}

static int join_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_check(L, 1);
    struct task *self;

    (void)status;
    if (has_ended(t))
        return push_results(L, t);
    self = task_require_waiting(L, "join");
    if (t == self)
        return error_raise(L, "join", EDEADLK, 0);
    task_pause(L, self, t, "join", NO_DEADLINE, context);
    loop_join(self, t);
    return task_suspend(L, self, task_wait_name(self, "join"), WAIT_RESUMED,
                        join_step);
}

/*** Wait until the task has ended.
@function Task:join
@return the results of its function
@raise the error that ended it; ECANCELED if it was cancelled; EDEADLK if a task
joins itself
*/
static int task_join(lua_State *L)
{
    lua_settop(L, 1);
    return join_step(L, LUA_OK, WAIT_FIRST);
}

static int yield_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    if (task_take_interruption(loop_running(), false) == ECANCELED)
        return error_raise(L, "yield", ECANCELED, 0);
    return 0;
}

/*** Let the other tasks run first.
@function yield
@raise ECANCELED if the task was cancelled; an error outside of `run`
*/
static int sockeye_yield(lua_State *L)
{
    struct task *t = task_require_waiting(L, "yield");

    loop_requeue(t);
    return task_suspend(L, t, "yield", WAIT_FIRST, yield_step);
}

void open_task_methods(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"spawn", sockeye_spawn},
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
