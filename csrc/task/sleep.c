/*
 * sleep: the functions sleep and resume, and the deadlines of `timeout`; see
 * task.h.
 *
 * Functions named sockeye_* are the module's or primitives, scope_* methods of
 * a deadline.
 */
#include <errno.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "open.h"
#include "task/live.h"
#include "task/task.h"
#include "task/wait.h"

#define SCOPE_TYPE "sockeye.Deadline"

/* ---- sleep ---- */

/* Stack: when the sleep ends, in nanoseconds of clock_now. */
static int sleep_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_that_may_wait(L);
    int64_t until = lua_tointeger(L, 1);

    (void)status;
    if (context != WAIT_FIRST && !t->cancelled && loop_now(t->loop) >= until)
        return 0;
    task_pause(L, t, t, "sleep", until, context != WAIT_FIRST);
    return task_suspend(L, t, task_wait_name(t, "sleep"), WAIT_RESUMED,
                        sleep_step);
}

static int sleep_outside(lua_State *L, int64_t until)
{
    int64_t limit = outside_limit(L, until);

    while (wait_poll(NULL, 0, limit) == -1) {
        if (errno != EINTR)
            return error_raise(L, "sleep", errno, 0);
        interrupt_run(L);
    }
    if (limit == until)
        return 0;
    return error_raise_timeout(L, "sleep", 0);
}

/*** Wait for a given time.
Inside a task, other tasks run meanwhile. If a signal comes, its handler runs,
and the sleep goes on with the time that is left. It takes a little longer than
asked for; in a task, where the system has no epoll_pwait2(2), up to a
millisecond.
@function sleep
@number seconds with fractions
@raise argument error for a negative number; ECANCELED; any error of a signal
handler
*/
static int sockeye_sleep(lua_State *L)
{
    int64_t until;

    luaL_checknumber(L, 1);
    until = clock_after(clock_check_seconds(L, 1));
    if (task_that_may_wait(L) == NULL)
        return sleep_outside(L, until);
    lua_pushinteger(L, until);
    lua_replace(L, 1);
    return sleep_step(L, LUA_OK, WAIT_FIRST);
}

/* ---- deadlines ---- */

/* Its user value keeps the owner of the list alive: a task, or, outside of
 * tasks, the coroutine that opened it. */
struct deadline {
    struct scope scope;
    struct scope **list; /* where it stands; NULL: the deadline has ended */
    bool is_outside;
};

/* deadline(seconds): creates a deadline, in force until it is closed. */
static int sockeye_deadline(lua_State *L)
{
    struct task *t = task_running(L);
    struct deadline *d;

    luaL_checknumber(L, 1);
    d = lua_newuserdatauv(L, sizeof *d, 1);
    if (t != NULL)
        task_push(L, t);
    else
        lua_pushthread(L);
    lua_setiuservalue(L, -2, 1);
    d->list = t != NULL ? &t->scope : outside_list(L);
    d->is_outside = t == NULL;
    d->scope.deadline = clock_after(clock_check_seconds(L, 1));
    d->scope.opener = L;
    d->scope.outer = *d->list;
    luaL_setmetatable(L, SCOPE_TYPE);
    *d->list = &d->scope;
    running_add_deadlines(d->is_outside);
    return 1;
}

/* Remove a scope, at whatever depth, from a list of deadlines. */
static void remove_scope(struct scope **place, const struct scope *scope)
{
    while (*place != NULL && *place != scope)
        place = &(*place)->outer;
    if (*place != NULL)
        *place = scope->outer;
}

static int scope_close(lua_State *L)
{
    struct deadline *d = luaL_checkudata(L, 1, SCOPE_TYPE);

    if (d->list == NULL)
        return 0;
    remove_scope(d->list, &d->scope);
    d->list = NULL;
    running_add_deadlines(-d->is_outside);
    return 0;
}

/* ---- coroutines of a task's own ---- */

static int push_resumed(lua_State *L, lua_State *co, int status, int results)
{
    bool ok = status == LUA_OK || status == LUA_YIELD;

    if (!ok)
        results = 1;
    luaL_checkstack(L, results + 1, "too many results");
    lua_pushboolean(L, ok);
    lua_xmove(co, L, results);
    return results + 1;
}

/* The task that can yield on L; NULL: none. */
static struct task *task_to_yield(lua_State *L)
{
    struct task *t = loop_running();

    return t != NULL && t->top == L && lua_isyieldable(L) ? t : NULL;
}

/* Stack: the coroutine. If it waits, yield for the task, and resume it again
 * afterwards. */
static int resume_step(lua_State *L, int status, lua_KContext arguments)
{
    lua_State *co = lua_tothread(L, 1);
    struct task *t = task_to_yield(L);
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
        return push_resumed(L, co, status, results);
    lua_pop(co, results);
    return lua_yieldk(L, 0, 0, resume_step);
}

/*** Resume a coroutine that may wait.
Like `coroutine.resume`, but calls inside the coroutine may wait: then the task
waits.
@function resume
@param co a coroutine
@param ... arguments for it
@treturn boolean whether it ended or yielded without an error
@return the values it yielded or returned, or its error
*/
static int sockeye_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    int arguments = lua_gettop(L) - 1;

    luaL_argexpected(L, co != NULL, 1, "coroutine");
    if (task_coroutine_runs(co)) {
        lua_pushboolean(L, false);
        lua_pushliteral(L, "cannot resume non-suspended coroutine");
        return 2;
    }
    if (lua_status(co) != LUA_YIELD &&
        (lua_status(co) != LUA_OK || lua_gettop(co) == 0)) {
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
    static const luaL_Reg metamethods[] = {
        {"__close", scope_close},
        {"__gc", scope_close},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_deadline);
    lua_setfield(L, -2, "deadline");
    lua_pop(L, 1);
    metatable_push(L, SCOPE_TYPE, metamethods);
    lua_pop(L, 1);
}
