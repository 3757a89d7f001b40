/*
 * methods: what scripts do with tasks: spawn, cancel, join, status, traceback,
 * yield.
 *
 * Functions named sockeye_* are the module's, task_* with a lua_State alone are
 * methods of a task.
 */
#include <errno.h>

#include <lauxlib.h>

#include "base/error.h"
#include "open.h"
#include "task/task.h"

/*** Start a task that runs a function, beside the one that calls this.
It belongs to the same group as the calling task.
@function spawn
@func f what it runs; what it returns is had from `Task:join`
@param ... arguments for `f`
@treturn Task
@raise outside of `run`: an error that says so
*/
static int sockeye_spawn(lua_State *L)
{
    struct task *self;
    struct group *group;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    self = task_require(L, "spawn");
    task_push(L, self);
    group = task_push_spawn_group(L, self);
    lua_replace(L, -2);
    lua_insert(L, 1);
    task_spawn(L, 2, self->loop, group, 1);
    return 1;
}

/*** Have the task raise ECANCELED at the point where it waits, or at the next.
@function Task:cancel
@treturn Task itself; nothing happens to one that has ended
*/
static int task_cancel_method(lua_State *L)
{
    task_cancel(task_check(L, 1));
    lua_settop(L, 1);
    return 1;
}

/*** What the task is doing.
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

/*** The traceback of the error that ended the task.
@function Task:traceback
@treturn ?string nil where it has not failed
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

/* Copy what is on co's stack: the results, or raise the error. */
static int give_results(lua_State *L, const struct task *t)
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
        return give_results(L, t);
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
@return what its function returned
@raise the error that ended it; ECANCELED where it was cancelled; EDEADLK for
the task that calls this
*/
static int task_join(lua_State *L)
{
    lua_settop(L, 1);
    return join_step(L, LUA_OK, WAIT_FIRST);
}

static int yield_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_that_may_wait(L);

    (void)status;
    (void)context;
    if (task_take_interruption(t, false) == ECANCELED)
        return error_raise(L, "yield", ECANCELED, 0);
    return 0;
}

/*** Let the other tasks run first.
@function yield
@raise ECANCELED where the task was cancelled; outside of `run` an error that
says so
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
