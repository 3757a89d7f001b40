/*
 * resume: the function resume: coroutines that may wait.
 */

#include "base/argument.h"
#include "loop/place.h"
#include "loop/scope.h"
#include "open.h"
#include "task/loops.h"
#include "task/outside.h"
#include "task/task.h"

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

/* Let t run the coroutine, in the scopes that it took along, if it begins to. */
static void enter(lua_State *L, struct task *t, lua_State *co, bool begins)
{
    struct loops *loops = loop_loops(t->loop);

    t->top = co;
    t->suspending = false;
    if (begins && loops->taken_along != NULL)
        scope_put_back(t, co, &loops->taken_along);
    if (begins && running_has_deadlines())
        scope_bring_in(t, co, outside_list(L));
}

/* Let the coroutine run outside of tasks, in the scopes that it took along. */
static void enter_outside(lua_State *L, lua_State *co)
{
    struct loops *loops = task_loops(L);

    if (loops->taken_along != NULL)
        scope_bring_out(co, &loops->taken_along, outside_list(L));
}

/* The coroutine has ended, or yielded to its consumer, to which t returns; or a
 * script had closed it while it waited. */
static void leave(struct task *t, lua_State *L, lua_State *co)
{
    t->top = L;
    place_give_up(L, t);
    if (scope_is_opened_by(t->scope, co))
        scope_take_along(t, co, &loop_loops(t->loop)->taken_along);
}

/* Stack: the coroutine. If it waits, yield for the task, and resume it again
 * afterwards. */
static int resume_step(lua_State *L, int status, lua_KContext arguments)
{
    lua_State *co = lua_tothread(L, 1);
    struct task *t = task_to_yield(L);
    int results;

    if (status == LUA_YIELD)
        suspend_unmark(L, t);
    if (t != NULL)
        enter(L, t, co, status != LUA_YIELD);
    else if (task_running(L) == NULL)
        enter_outside(L, co);
    status = lua_resume(co, L, (int)arguments, &results);
    if (t != NULL && status == LUA_YIELD && t->suspending) {
        t->top = L;
        return lua_yieldk(L, suspend_mark(L, t), 0, resume_step);
    }
    if (t != NULL)
        leave(t, L, co);
    return push_resumed(L, co, status, results);
}

/* Whether the coroutine, which can be resumed, is a task's own: only its loop
 * resumes that. */
static bool is_of_task(lua_State *co)
{
    lua_Debug frame;
    int level = 0;
    bool found;

    if (lua_status(co) == LUA_OK)
        return lua_tocfunction(co, 1) == task_body;
    if (!lua_checkstack(co, 1))
        return false;
    while (lua_getstack(co, level, &frame))
        level++;
    lua_getstack(co, level - 1, &frame);
    lua_getinfo(co, "f", &frame);
    found = lua_tocfunction(co, -1) == task_body;
    lua_pop(co, 1);
    return found;
}

/* Why the coroutine cannot be resumed; NULL: it can. */
static const char *find_obstacle(lua_State *L, lua_State *co)
{
    const struct task *t = task_to_yield(L);

    if (task_coroutine_runs(co))
        return "cannot resume non-suspended coroutine";
    if (lua_status(co) != LUA_YIELD &&
        (lua_status(co) != LUA_OK || lua_gettop(co) == 0))
        return "cannot resume dead coroutine";
    if (suspend_is_marked(co) || is_of_task(co))
        return "resume: the coroutine waits in another task";
    if (t != NULL && scope_is_inside(t, co))
        return "resume: the caller is in a group of the coroutine";
    return NULL;
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
    const char *obstacle;

    luaL_argexpected(L, co != NULL, 1, "coroutine");
    obstacle = find_obstacle(L, co);
    if (obstacle != NULL) {
        lua_pushboolean(L, false);
        lua_pushstring(L, obstacle);
        return 2;
    }
    if (!lua_checkstack(co, arguments))
        return luaL_error(L, "too many arguments to resume");
    lua_xmove(L, co, arguments);
    return resume_step(L, LUA_OK, arguments);
}

void open_resume(lua_State *L)
{
    lua_pushcfunction(L, sockeye_resume);
    lua_setfield(L, -2, "resume");
}
