/*
 * suspend: how a task pauses: for a time, for another task, under a deadline,
 * in a coroutine of its own; see task.h.
 *
 * Functions named sockeye_* are the module's, scope_* methods of a deadline.
 */
#include <errno.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "open.h"
#include "task/task.h"
#include "task/wait.h"

#define SCOPE_TYPE "sockeye.Deadline"

/* ---- sleep ---- */

/* Stack: the moment until which it sleeps, an integer. */
static int sleep_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_that_may_wait(L);
    int64_t until = lua_tointeger(L, 1);

    (void)status;
    if (context != 0 && !t->cancelled && loop_now(t->loop) >= until)
        return 0;
    task_pause(L, t, t, "sleep", until, context != 0);
    return task_suspend(L, t, task_wait_name(t, "sleep"), 1, sleep_step);
}

static int sleep_outside(lua_State *L, int64_t until)
{
    int64_t limit = outside_limit(until);

    while (wait_poll(NULL, 0, limit) == -1) {
        if (errno != EINTR)
            return error_raise(L, "sleep", errno, 0);
        interrupt_run(L);
    }
    if (limit == until)
        return 0;
    return error_raise_timeout(L, "sleep", 0);
}

/*** Do nothing for a while.
Inside a task the others run meanwhile. Signal handlers run, too, and the sleep
goes on with the time that is left.
@function sleep
@number seconds fractions are honoured
@raise argument error for a negative number; ECANCELED; what a signal handler
raises
*/
static int sockeye_sleep(lua_State *L)
{
    int64_t until;

    luaL_checknumber(L, 1);
    until = wait_deadline(clock_check_seconds(L, 1));
    if (task_that_may_wait(L) == NULL)
        return sleep_outside(L, until);
    lua_pushinteger(L, until);
    lua_replace(L, 1);
    return sleep_step(L, LUA_OK, 0);
}

/* ---- park: for what is written in Lua ---- */

/* park(token, call): wait until unpark. A task that has been unparked goes on,
 * even if it has been cancelled since: nobody else is told. */
static int park_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_that_may_wait(L);
    const char *call = lua_tostring(L, 2);

    (void)status;
    if (context != 0 && t->unparked)
        return 0;
    t->unparked = false;
    task_pause(L, t, lua_topointer(L, 1), call, NO_DEADLINE, context != 0);
    return task_suspend(L, t, task_wait_name(t, call), 1, park_step);
}

static int sockeye_park(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checkstring(L, 2);
    require_waiting_task(L, lua_tostring(L, 2));
    return park_step(L, LUA_OK, 0);
}

/* unpark(task, token): whether the task was parked with this token. */
static int sockeye_unpark(lua_State *L)
{
    struct task *t = task_check(L, 1);
    bool parked = t->status == TASK_WAITING && t->token == lua_topointer(L, 2);

    if (parked) {
        t->unparked = true;
        loop_wake(t);
    }
    lua_pushboolean(L, parked);
    return 1;
}

/* raise(call, code [, subject]): raise an error as a failed call does. */
static int sockeye_raise(lua_State *L)
{
    const char *call = luaL_checkstring(L, 1);
    int code = error_errno_number(luaL_checkstring(L, 2));

    return error_raise(L, call, code, lua_isnoneornil(L, 3) ? 0 : 3);
}

/* current_task(call): the running task. Raises an error that names the call
 * where no task runs. */
static int sockeye_current_task(lua_State *L)
{
    task_push(L, require_task(L, luaL_checkstring(L, 1)));
    return 1;
}

/* expect_outside_wakeup(call): something that the loop does not see, such as a
 * signal handler, may wake a task: the loop reports no deadlock until the
 * function that this returns is called. */
static int stop_expecting(lua_State *L)
{
    struct loop *loop = lua_touserdata(L, lua_upvalueindex(1));

    if (loop_running == NULL || loop_running->loop != loop)
        return 0;
    loop_running->holds--;
    loop_hold(loop, -1);
    return 0;
}

static int sockeye_expect_outside_wakeup(lua_State *L)
{
    struct task *t = require_task(L, luaL_checkstring(L, 1));

    t->holds++;
    loop_hold(t->loop, 1);
    lua_pushlightuserdata(L, t->loop);
    lua_pushcclosure(L, stop_expecting, 1);
    return 1;
}

/* A new group of the running task. */
static int sockeye_new_group(lua_State *L)
{
    struct task *owner = require_waiting_task(L, "group");

    group_new(L, owner->loop, owner);
    return 1;
}

/* begin_spawn_group(): the running task's spawns go to a group of their own
 * from now on, which the first of them creates. */
static int sockeye_begin_spawn_group(lua_State *L)
{
    require_task(L, "spawn")->nests = true;
    return 0;
}

/* end_spawn_group(): end that. Returns the group; nil where there is none. */
static int sockeye_end_spawn_group(lua_State *L)
{
    struct task *t = require_task(L, "spawn");

    t->nests = false;
    task_push(L, t);
    lua_getiuservalue(L, -1, TASK_NEST);
    lua_pushnil(L);
    lua_setiuservalue(L, -3, TASK_NEST);
    return 1;
}

/* ---- deadlines ---- */

struct deadline {
    struct scope scope;
    struct task *task; /* whose user value keeps it alive; NULL: it has ended */
};

/* deadline(seconds): in force until it is closed. */
static int sockeye_deadline(lua_State *L)
{
    struct task *t = task_running(L);
    struct deadline *d;

    luaL_checknumber(L, 1);
    if (t == NULL)
        t = outside_deadlines();
    d = lua_newuserdatauv(L, sizeof *d, 1);
    if (t != outside_deadlines()) {
        task_push(L, t);
        lua_setiuservalue(L, -2, 1);
    }
    d->task = t;
    d->scope.deadline = wait_deadline(clock_check_seconds(L, 1));
    d->scope.outer = t->scope;
    luaL_setmetatable(L, SCOPE_TYPE);
    t->scope = &d->scope;
    outside_changed();
    return 1;
}

/* Wherever it stands among the task's deadlines. */
static void remove_scope(struct task *t, const struct scope *scope)
{
    struct scope **place = &t->scope;

    while (*place != NULL && *place != scope)
        place = &(*place)->outer;
    if (*place != NULL)
        *place = scope->outer;
}

static int scope_close(lua_State *L)
{
    struct deadline *d = luaL_checkudata(L, 1, SCOPE_TYPE);

    if (d->task != NULL)
        remove_scope(d->task, &d->scope);
    d->task = NULL;
    outside_changed();
    return 0;
}

/* ---- coroutines of a task's own ---- */

static int give_resumed(lua_State *L, lua_State *co, int status, int results)
{
    bool ok = status == LUA_OK || status == LUA_YIELD;

    if (!ok)
        results = 1;
    luaL_checkstack(L, results + 1, "too many results");
    lua_pushboolean(L, ok);
    lua_xmove(co, L, results);
    return results + 1;
}

/* The task that L can pass a wait on to; or NULL. */
static struct task *task_beyond(lua_State *L)
{
    struct task *t = loop_running;

    return t != NULL && t->top == L && lua_isyieldable(L) ? t : NULL;
}

/* Stack: the coroutine. A wait inside it is the task's own wait. */
static int resume_step(lua_State *L, int status, lua_KContext arguments)
{
    lua_State *co = lua_tothread(L, 1);
    struct task *t = task_beyond(L);
    int results;

    (void)status;
    if (t != NULL) {
        t->top = co;
        t->suspending = false;
    }
    status = lua_resume(co, L, (int)arguments, &results);
    if (t != NULL)
        t->top = L;
    if (t == NULL || status != LUA_YIELD || !t->suspending)
        return give_resumed(L, co, status, results);
    lua_pop(co, results);
    return lua_yieldk(L, 0, 0, resume_step);
}

/*** Resume a coroutine that may wait.
As `coroutine.resume`, but where the coroutine waits inside a task, the task
does.
@function resume
@param co a coroutine
@param ... arguments for it
@treturn boolean whether it ended or yielded without an error
@return what it yielded or returned, or its error
*/
static int sockeye_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    int arguments = lua_gettop(L) - 1;

    luaL_argexpected(L, co != NULL, 1, "coroutine");
    if (lua_status(co) != LUA_YIELD &&
        (lua_status(co) != LUA_OK || lua_gettop(co) == 0 || co == L)) {
        lua_pushboolean(L, false);
        lua_pushliteral(L, "cannot resume dead coroutine");
        return 2;
    }
    if (!lua_checkstack(co, arguments))
        return luaL_error(L, "too many arguments to resume");
    lua_xmove(L, co, arguments);
    return resume_step(L, LUA_OK, arguments);
}

void open_sleep(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"resume", sockeye_resume},
        {"sleep", sockeye_sleep},
        {NULL, NULL},
    };
    static const luaL_Reg primitives[] = {
        {"begin_spawn_group", sockeye_begin_spawn_group},
        {"current_task", sockeye_current_task},
        {"deadline", sockeye_deadline},
        {"end_spawn_group", sockeye_end_spawn_group},
        {"expect_outside_wakeup", sockeye_expect_outside_wakeup},
        {"group", sockeye_new_group},
        {"park", sockeye_park},
        {"raise", sockeye_raise},
        {"unpark", sockeye_unpark},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, primitives, 0);
    error_push_library_mark(L);
    lua_setfield(L, -2, "mark_library_file");
    error_push_misuse(L);
    lua_setfield(L, -2, "misuse");
    lua_pop(L, 1);
    luaL_newmetatable(L, SCOPE_TYPE);
    lua_pushcfunction(L, scope_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, scope_close);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
