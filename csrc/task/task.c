/*
 * task: the userdata of tasks and groups, and how a task begins, waits and
 * ends; see task.h.
 *
 * A task is a userdata with four user values: its coroutine; its group; the
 * traceback of its failure; the group of the tasks that it spawns, if they have
 * one of their own. Until it ends, a table of its loop holds it (live.h).
 *
 * A group is a userdata with two user values: the error of the first task that
 * failed while no task joined it, whereupon the others are cancelled; and the
 * task that owns the group, which is the main task for a loop's group.
 */
#include <errno.h>
#include <string.h>

#include <lauxlib.h>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "open.h"
#include "task/live.h"
#include "task/task.h"

#define TASK_TYPE "sockeye.Task"
#define GROUP_TYPE "sockeye.Group"

/* The user values of a task and of a group. */
enum { COROUTINE = 1, GROUP, TRACEBACK = TASK_TRACEBACK, NEST = TASK_NEST };
enum { GROUP_FAILURE = 1, GROUP_OWNER };

const char task_group_tag = 'g';
static const char task_tag = 't';

/* ---- which task ---- */

static struct task *test_task(lua_State *L, int arg)
{
    struct task *t = lua_touserdata(L, arg);

    if (t == NULL || lua_rawlen(L, arg) != sizeof *t || t->tag != &task_tag)
        return NULL;
    return t;
}

struct task *task_check(lua_State *L, int arg)
{
    struct task *t = test_task(L, arg);

    if (t == NULL)
        luaL_typeerror(L, arg, TASK_TYPE);
    return t;
}

struct task *task_running(lua_State *L)
{
    struct task *t = loop_running();

    if (!task_has_coroutine(t) || L == loop_state(t->loop) ||
        interrupt_main_thread(L) != interrupt_main_thread(t->co))
        return NULL;
    return t;
}

bool task_may_wait(lua_State *L)
{
    const struct task *t = task_running(L);

    return t == NULL || (t->top == L && lua_isyieldable(L));
}

struct task *task_that_may_wait(lua_State *L)
{
    struct task *t = loop_running();

    if (!task_has_coroutine(t))
        return NULL;
    if (t->top == L && lua_isyieldable(L))
        return t;
    if (task_running(L) == NULL)
        return NULL;
    if (t->abandoned)
        error_raise_misuse(L, "cannot wait: the loop has ended");
    if (t->top == L)
        error_raise_misuse(L,
                           "cannot wait here: a call in between cannot yield");
    error_raise_misuse(L, "cannot wait in this coroutine: resume it by "
                          "sockeye.resume or sockeye.wrap");
    return NULL;
}

static struct task *check_inside(lua_State *L, struct task *t, const char *call)
{
    if (t == NULL) {
        lua_pushfstring(L, "%s: not inside sockeye.run", call);
        error_raise_misuse(L, lua_tostring(L, -1));
    }
    return t;
}

struct task *task_require(lua_State *L, const char *call)
{
    return check_inside(L, task_running(L), call);
}

struct task *task_require_live(lua_State *L, const char *call)
{
    struct task *t = task_require(L, call);

    if (t->abandoned) {
        lua_pushfstring(L, "%s: the loop has ended", call);
        error_raise_misuse(L, lua_tostring(L, -1));
    }
    return t;
}

struct task *task_require_waiting(lua_State *L, const char *call)
{
    return check_inside(L, task_that_may_wait(L), call);
}

void task_pause(lua_State *L, struct task *t, const void *token,
                const char *call, int64_t deadline, bool resumed)
{
    int error = task_take_interruption(t, resumed);

    if (error == ETIMEDOUT)
        error_raise_timeout(L, task_wait_name(t, call), 0);
    if (error == 0)
        error = loop_pause(t, token, task_deadline(t, deadline));
    if (error != 0)
        error_raise(L, task_wait_name(t, call), error, 0);
}

/* ---- groups ---- */

void task_cancel(struct task *t)
{
    if (t->status > TASK_WAITING)
        return;
    t->cancelled = true;
    loop_wake(t);
}

struct group *task_group_new(lua_State *L, struct loop *loop,
                             struct task *owner)
{
    struct group *group = lua_newuserdatauv(L, sizeof *group, 2);

    memset(group, 0, sizeof *group);
    group->tag = &task_group_tag;
    group->loop = loop;
    group->owner = owner;
    luaL_setmetatable(L, GROUP_TYPE);
    if (owner != NULL) {
        task_push(L, owner);
        lua_setiuservalue(L, -2, GROUP_OWNER);
    }
    return group;
}

void task_group_take(lua_State *L, int index, struct task *t)
{
    struct group *group = lua_touserdata(L, index);

    index = lua_absindex(L, index);
    t->group->count--;
    group->count++;
    group->failed = false;
    t->group = group;
    task_push(L, t);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, GROUP);
    lua_setiuservalue(L, index, GROUP_OWNER);
}

bool task_group_is_over(const struct group *group)
{
    return group->owner == NULL || group->owner->abandoned;
}

/* A group without tasks may have outlived its loop. */
void task_group_cancel(struct group *group)
{
    struct task *t = group->count > 0 ? loop_first(group->loop) : NULL;

    for (; t != NULL; t = t->next) {
        if (t->group == group)
            task_cancel(t);
    }
}

void task_group_fail(lua_State *L, int index)
{
    struct group *group = lua_touserdata(L, index);
    struct task *owner = group->owner;

    index = lua_absindex(L, index);
    if (group->failed) {
        lua_pop(L, 1);
        return;
    }
    lua_setiuservalue(L, index, GROUP_FAILURE);
    group->failed = true;
    task_group_cancel(group);
    if (owner != NULL && owner->token != group) {
        group->cancelled_owner = !owner->cancelled;
        task_cancel(owner);
    }
}

int task_group_raise(lua_State *L, int index)
{
    lua_getiuservalue(L, index, GROUP_FAILURE);
    return lua_error(L);
}

/* ---- the beginning ---- */

static int note_traceback(lua_State *L)
{
    const struct task *t = loop_running();

    luaL_traceback(L, L, NULL, 2);
    if (t != NULL && t->co == L) {
        task_push(L, t);
        lua_pushvalue(L, -2);
        lua_setiuservalue(L, -2, TRACEBACK);
        lua_pop(L, 1);
    }
    if (error_is(L, 1)) {
        lua_pushliteral(L, "traceback");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) == LUA_TNIL) {
            lua_pushvalue(L, 2);
            lua_replace(L, -2);
            lua_rawset(L, 1);
        }
    }
    return 0;
}

/* The task's message handler: keeps the traceback of the error. Without memory
 * for that the error is what it was. */
static int keep_traceback(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcfunction(L, note_traceback);
    lua_pushvalue(L, 1);
    lua_pcall(L, 1, 0, 0);
    lua_settop(L, 1);
    return 1;
}

/* Stack slots below the task's function: the task, the message handler. */
#define BODY 2

/* Send what the task has written before it ends. */
static int send_rest(lua_State *L, int status, lua_KContext context)
{
    struct task *t = loop_running();
    int error =
        t->outputs ? task_take_interruption(t, context != WAIT_FIRST) : 0;

    (void)status;
    if (error == 0 && t->outputs != NULL) {
        error = loop_flush(t, task_deadline(t, NO_DEADLINE));
        if (error == EAGAIN)
            return task_suspend(L, t, "flush", WAIT_RESUMED, send_rest);
    }
    if (error == 0)
        return lua_gettop(L) - BODY;
    t->failed = true;
    if (error == ETIMEDOUT)
        error_push_timeout(L, "flush", 0);
    else
        error_push(L, "flush", error, 0);
    return 1;
}

/* End the task's function: leave its results, or its error, on the stack. If a
 * script has resumed the coroutine by hand, it takes them, and the loop finds a
 * dead coroutine. */
static int end_body(lua_State *L, int status, lua_KContext context)
{
    struct task *t = lua_touserdata(L, 1);
    bool failed = status != LUA_OK && status != LUA_YIELD;

    (void)context;
    if (!failed && t == loop_running())
        return send_rest(L, LUA_OK, WAIT_FIRST);
    t->failed = failed;
    if (t != loop_running()) {
        if (t->status == TASK_WAITING)
            loop_wake(t);
        if (failed)
            return lua_error(L);
    }
    return failed ? 1 : lua_gettop(L) - BODY;
}

static int task_body(lua_State *L)
{
    int arguments = lua_gettop(L) - 2;

    lua_pushcfunction(L, keep_traceback);
    lua_insert(L, BODY);
    return end_body(L, lua_pcallk(L, arguments, LUA_MULTRET, BODY, 0, end_body),
                    0);
}

/* Push a task whose coroutine can hold so many values, and the task's own
 * function. Lua code may run. */
static struct task *new_task(lua_State *L, int values)
{
    struct task *t = lua_newuserdatauv(L, sizeof *t, 4);

    memset(t, 0, sizeof *t);
    luaL_setmetatable(L, TASK_TYPE);
    t->tag = &task_tag;
    t->co = t->top = lua_newthread(L);
    lua_setiuservalue(L, -2, COROUTINE);
    if (!lua_checkstack(t->co, values + 2))
        luaL_error(L, "too many arguments");
    return t;
}

/* A finalizer may end the group, and its loop, while the task is made. */
struct task *task_spawn(lua_State *L, int first, struct loop *loop,
                        struct group *group, int owner)
{
    const struct task *before = group->owner;
    int values = lua_gettop(L) - first + 1;
    struct task *t;

    luaL_checktype(L, first, LUA_TFUNCTION);
    luaL_checkstack(L, 4, NULL);
    owner = lua_absindex(L, owner);
    t = new_task(L, values);
    if (before != NULL && task_group_is_over(group))
        error_raise_misuse(L, "spawn: the group has ended");
    lua_pushvalue(L, owner);
    lua_setiuservalue(L, -2, GROUP);
    task_push_live(L, loop);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, t);
    lua_pop(L, 1);
    lua_insert(L, first);
    lua_pushcfunction(t->co, task_body);
    lua_pushvalue(L, first);
    lua_insert(L, first);
    lua_xmove(L, t->co, values + 1);
    t->arguments = values + 1;
    t->scope = loop_scope(loop);
    t->group = group;
    group->count++;
    loop_add(loop, t);
    return t;
}

void task_take_nest(lua_State *L, struct task *t)
{
    t->nests = false;
    if (lua_getiuservalue(L, -1, NEST) == LUA_TUSERDATA)
        task_group_cancel(lua_touserdata(L, -1));
    lua_pushnil(L);
    lua_setiuservalue(L, -3, NEST);
}

/* ---- the end ---- */

/* Whether the error at `index` is the task's cancellation. */
static bool is_cancellation(lua_State *L, int index)
{
    bool is;

    if (!error_is(L, index))
        return false;
    index = lua_absindex(L, index);
    lua_getfield(L, index, "errno");
    is = lua_tointeger(L, -1) == ECANCELED;
    lua_pop(L, 1);
    return is;
}

static bool wake_joiners(struct task *t)
{
    bool joined = loop_meet_all(&t->ends) || t->joiners > 0;

    if (t->joiner != NULL)
        loop_wake(t->joiner);
    for (struct task *other = loop_first(t->loop);
         t->joiners > 0 && other != NULL; other = other->next) {
        if (other->joins == t)
            loop_wake(other);
    }
    return joined;
}

/* The coroutine's stack has the results; or the error, on top. */
void task_end(lua_State *L, struct task *t)
{
    struct group *group = t->group;
    bool joined;

    loop_remove(t->loop, t);
    t->status = t->failed ? TASK_FAILED : TASK_DONE;
    if (t->failed && is_cancellation(t->co, -1))
        t->status = TASK_CANCELLED;
    joined = wake_joiners(t);
    task_push_live(L, t->loop);
    group->count--;
    if (t->nests) {
        lua_rawgetp(L, -1, t);
        task_take_nest(L, t);
        lua_pop(L, 2);
    }
    if (t->status == TASK_FAILED && !joined) {
        lua_rawgetp(L, -1, t);
        lua_getiuservalue(L, -1, GROUP);
        lua_pushvalue(t->co, -1);
        lua_xmove(t->co, L, 1);
        task_group_fail(L, -2);
        lua_pop(L, 2);
    }
    if (group->count == 0 && group->owner != NULL &&
        group->owner->token == group)
        loop_wake(group->owner);
    lua_pushnil(L);
    lua_rawsetp(L, -2, t);
    lua_pop(L, 1);
}

/* ---- waiting ---- */

const char *task_wait_name(const struct task *t, const char *call)
{
    return t->flushing ? "flush" : call;
}

int task_take_interruption(struct task *t, bool resumed)
{
    int reason = resumed && t->timed_out ? ETIMEDOUT : 0;

    if (t->cancelled)
        reason = ECANCELED;
    t->cancelled = false;
    if (reason != 0)
        t->flush_limit = 0;
    return reason;
}

int64_t task_deadline(const struct task *t, int64_t own)
{
    for (const struct scope *s = t->scope; s != NULL; s = s->outer) {
        if (s->deadline < own)
            own = s->deadline;
    }
    return own;
}

struct group *task_push_spawn_group(lua_State *L, struct task *t)
{
    if (!t->nests) {
        lua_getiuservalue(L, -1, GROUP);
    } else if (lua_getiuservalue(L, -1, NEST) == LUA_TNIL) {
        lua_pop(L, 1);
        task_group_new(L, t->loop, t);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, -3, NEST);
    }
    return lua_touserdata(L, -1);
}

void task_add_methods(lua_State *L, const luaL_Reg *methods)
{
    metatable_add_methods(L, TASK_TYPE, methods);
}

void task_group_add_methods(lua_State *L, const luaL_Reg *methods)
{
    metatable_add_methods(L, GROUP_TYPE, methods);
}

void open_task(lua_State *L)
{
    metatable_push(L, TASK_TYPE, NULL);
    metatable_push(L, GROUP_TYPE, NULL);
    lua_pop(L, 2);
}
