/*
 * primitives: functions for the modules in lua/: parking and waking tasks,
 * raising errors as calls do.
 *
 * Functions named sockeye_* are in the module's table `primitives`.
 */

#include "base/argument.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/stderr.h"
#include "open.h"
#include "task/live.h"
#include "task/report.h"
#include "task/task.h"

/* park(token, call): waits until unpark. A task that was unparked and then
 * cancelled returns normally all the same, since no other task is woken in its
 * place. */
static int park_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_that_may_wait(L);
    const char *call = lua_tostring(L, 2);

    (void)status;
    if (context != WAIT_FIRST && t->completed)
        return 0;
    task_pause(L, t, lua_topointer(L, 1), call, NO_DEADLINE,
               context != WAIT_FIRST);
    return task_suspend(L, t, task_wait_name(t, call), WAIT_RESUMED, park_step);
}

static int sockeye_park(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checkstring(L, 2);
    task_require_waiting(L, lua_tostring(L, 2));
    return park_step(L, LUA_OK, WAIT_FIRST);
}

/* unpark(task, token): wakes the task if it is parked with this token. Returns
 * whether it was. */
static int sockeye_unpark(lua_State *L)
{
    struct task *t = task_check(L, 1);
    bool parked = t->status == TASK_WAITING && t->token == lua_topointer(L, 2);

    if (parked)
        task_complete(t);
    lua_pushboolean(L, parked);
    return 1;
}

/* raise(call, code [, subject]): raises the error of a failed call. */
static int sockeye_raise(lua_State *L)
{
    const char *call = luaL_checkstring(L, 1);
    int code = error_errno_number(luaL_checkstring(L, 2));

    return error_raise(L, call, code, lua_isnoneornil(L, 3) ? 0 : 3);
}

/* current_task(call): returns the running task. Raises an error that names the
 * call if no task runs. */
static int sockeye_current_task(lua_State *L)
{
    task_push(L, task_require(L, luaL_checkstring(L, 1)));
    return 1;
}

/* expect_outside_wakeup(call): declares that something unknown to the loop,
 * such as a signal handler, may wake a task: the loop reports no deadlock until
 * the returned function is called; calling it again does nothing. */
static int stop_expecting(lua_State *L)
{
    struct loop *loop = lua_touserdata(L, lua_upvalueindex(1));
    struct task *t = loop_running();

    if (t == NULL || t->loop != loop)
        return 0;
    lua_pushnil(L);
    lua_replace(L, lua_upvalueindex(1));
    t->holds--;
    loop_hold(loop, -1);
    return 0;
}

static int sockeye_expect_outside_wakeup(lua_State *L)
{
    struct task *t = task_require(L, luaL_checkstring(L, 1));

    lua_pushlightuserdata(L, t->loop);
    lua_pushcclosure(L, stop_expecting, 1);
    t->holds++;
    loop_hold(t->loop, 1);
    return 1;
}

/* begin_spawn_group([reporter]): from now on, tasks that the running task spawns
 * go to a group of their own, which the first spawn creates; and what would be
 * reported of it, or of tasks in its groups, is to the reporter. Reserves the
 * stack that ending it takes, when there may be no memory. */
static int sockeye_begin_spawn_group(lua_State *L)
{
    struct task *t = task_require(L, "spawn");

    luaL_checkstack(L, 2 * LUA_MINSTACK, NULL);
    lua_settop(L, 1);
    if (lua_toboolean(L, 1))
        report_set_own(L, t);
    t->nests = true;
    return 0;
}

/* end_spawn_group(): end that, and cancel the tasks of the group. Returns the
 * group; nil if there is none. Needs no memory. */
static int sockeye_end_spawn_group(lua_State *L)
{
    struct task *t = task_require(L, "spawn");

    task_push(L, t);
    task_take_nest(L, t);
    return 1;
}

/* forgive(): the error that leaves the running task has been reported: it does
 * not fail the group. */
static int sockeye_forgive(lua_State *L)
{
    task_require(L, "serve")->forgiven = true;
    return 0;
}

/* is_killed(): returns whether the running task is being killed. */
static int sockeye_is_killed(lua_State *L)
{
    lua_pushboolean(L, task_require(L, "serve")->killed);
    return 1;
}

/* is_c(f): returns whether it is a function of C. */
static int sockeye_is_c(lua_State *L)
{
    lua_pushboolean(L, lua_iscfunction(L, 1));
    return 1;
}

/* write_stderr(text): writes the text, which ends with a line feed, to standard
 * error, without waiting. */
static int sockeye_write_stderr(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);

    stderr_write(text, length);
    return 0;
}

void open_primitives(lua_State *L)
{
    static const luaL_Reg primitives[] = {
        {"begin_spawn_group", sockeye_begin_spawn_group},
        {"current_task", sockeye_current_task},
        {"end_spawn_group", sockeye_end_spawn_group},
        {"expect_outside_wakeup", sockeye_expect_outside_wakeup},
        {"forgive", sockeye_forgive},
        {"is_c", sockeye_is_c},
        {"is_killed", sockeye_is_killed},
        {"park", sockeye_park},
        {"raise", sockeye_raise},
        {"unpark", sockeye_unpark},
        {"write_stderr", sockeye_write_stderr},
        {NULL, NULL},
    };

    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, primitives, 0);
    error_push_library_mark(L);
    lua_setfield(L, -2, "mark_library_file");
    error_push_misuse(L);
    lua_setfield(L, -2, "misuse");
    lua_pop(L, 1);
}
