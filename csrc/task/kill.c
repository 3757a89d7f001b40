/*
 * kill: the method kill of tasks; see kill.h.
 *
 * A task is ended where it waits: its coroutine is closed, the innermost
 * generator first, and every wait in a `<close>` variable raises at once.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/error.h"
#include "loop/loop.h"
#include "loop/place.h"
#include "loop/scope.h"
#include "open.h"
#include "task/kill.h"
#include "task/live.h"
#include "task/report.h"
#include "task/task.h"
#include "task/traceback.h"

/* ---- one task ---- */

/* The coroutine in which a task waits: that of its innermost generator. Each
 * waits in the call that has resumed the next one, whose first argument that
 * is. */
static lua_State *innermost(const struct task *t)
{
    lua_State *co = t->co;
    lua_State *next;

    while ((next = lua_tothread(co, 1)) != NULL && suspend_is_marked(next))
        co = next;
    return co;
}

/* Note where the task waits, and that it is killed. Stack: the task. */
static int prepare(lua_State *L)
{
    const struct task *t = lua_touserdata(L, 1);

    traceback_push(L, innermost(t), 0);
    lua_setiuservalue(L, 1, TASK_TRACEBACK);
    error_push(L, "kill", ECANCELED, 0);
    return 1;
}

/* Report that t is killed, to who may have it killed. Without memory for that, it is killed all the
 * same. */
static void report_kill(lua_State *L, struct task *t)
{
    lua_pushcfunction(L, prepare);
    task_push(L, t);
    lua_pcall(L, 1, 1, 0);
    report_to_loop(L, t);
}

/* The task was to fail with an error, which waits for its `<close>` variables. */
static void report_on_its_way(lua_State *L, struct task *t)
{
    bool is_own = traceback_push_error(L, t);

    if (is_own && !(error_is_canceled(L, -1) && t->over))
        report_error(L, t);
    else
        lua_pop(L, 1);
}

static void close_one(lua_State *L, struct task *t, lua_State *co)
{
    if (lua_resetthread(co) == LUA_OK)
        return;
    lua_pushvalue(co, -1);
    lua_xmove(co, L, 1);
    report_error(L, t);
}

/* Close the coroutine of t, and those that it has resumed. */
static void close_all(lua_State *L, struct task *t)
{
    struct task *before = loop_running();
    lua_State *co;

    do {
        co = innermost(t);
        t->top = co;
        loop_set_running(t);
        close_one(L, t, co);
        loop_set_running(before);
    } while (co != t->co);
}

/* Whether t waits, or is about to run. */
static bool can_be_killed(const struct task *t)
{
    return !t->killed && !t->abandoned && t->status <= TASK_WAITING &&
           !task_coroutine_runs(t->co);
}

static void kill_one(lua_State *L, struct task *t)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    t->killed = true;
    loop_take_out(t);
    scope_refresh(t);
    place_give_up(L, t);
    report_on_its_way(L, t);
    report_kill(L, t);
    close_all(L, t);
    task_end(L, t);
}

/* ---- all those in a scope ---- */

/* A task in the scope that can be killed, and has none such in it; NULL: none.
 * So the closing of a coroutine finds no tasks in its groups. */
static struct task *find_leaf(struct scope *top)
{
    struct task *found = NULL;
    struct scope *s = top;

    while (s != NULL) {
        if (s->kind == SCOPE_TASK && can_be_killed(scope_owner(s)) &&
            (found == NULL || s != top)) {
            found = scope_owner(s);
            top = s;
        }
        s = scope_walk(s, top, true);
    }
    return found;
}

static void kill_inside(lua_State *L, struct scope *scope)
{
    struct task *t;

    while ((t = find_leaf(scope)) != NULL)
        kill_one(L, t);
}

void kill_group(lua_State *L, struct group *group)
{
    kill_inside(L, &group->scope.base);
    scope_cancel(&group->scope.base);
}

/* Whether code that runs, in whatever loop, is inside the task's groups. */
static bool is_around_running(const struct task *t)
{
    const struct task *running = loop_running();

    for (; task_has_coroutine(running); running = loop_resumer(running->loop)) {
        for (const struct scope *s = running->scope; s != NULL; s = s->outer) {
            if (s == &t->own)
                return true;
        }
    }
    return false;
}

/*** End the task where it waits.
Its coroutine is closed, the innermost generator first: `<close>` variables are
closed, no `pcall` stops that, and a call in them that would wait raises
ECANCELED. So do the tasks in its groups. Where it waited is reported
(`on_error`); the task does not fail its group. An error that it was to fail
with, while a `<close>` variable waits, is reported, too. A task that has ended
is left alone.
@function Task:kill
@treturn Task itself
@raise an error for a task that runs: the caller, or one that runs its loop; and
for one in whose groups such a task is
*/
static int task_kill(lua_State *L)
{
    struct task *t = task_check(L, 1);

    if (t == loop_running())
        return error_raise_misuse(L, "kill: the task runs");
    if (t->status <= TASK_WAITING && !t->killed && !t->abandoned) {
        if (task_coroutine_runs(t->co))
            return error_raise_misuse(L, "kill: the task runs");
        if (is_around_running(t))
            return error_raise_misuse(L, "kill: the caller is in its group");
        kill_inside(L, &t->own);
    }
    lua_settop(L, 1);
    return 1;
}

void open_kill(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"kill", task_kill},
        {NULL, NULL},
    };

    task_add_methods(L, methods);
}
