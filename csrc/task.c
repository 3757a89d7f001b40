/*
 * task: tasks, and the loop that runs them; see task.h.
 *
 * A task is a userdata whose first user value is its coroutine, whose second is
 * its group, whose third the traceback of its failure. While it has not ended it
 * stands in a table in the registry. Functions named sockeye_* are the module's,
 * task_* with a lua_State alone are methods.
 */
#include <errno.h>
#include <string.h>

#include <lauxlib.h>

#include "error.h"
#include "interrupt.h"
#include "task.h"

#define TASK_TYPE "sockeye.Task"
enum { COROUTINE = 1, GROUP, TRACEBACK };

static const char task_tag = 't';
static const char live_key = 'l'; /* of the table of tasks in the registry */

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

struct task *task_current(lua_State *L)
{
    struct task *t = loop_running;

    if (t == NULL || t->co == NULL)
        return NULL;
    if (t->top == L && lua_isyieldable(L))
        return t;
    if (L == loop_state(t->loop) || main_thread(L) != main_thread(t->co))
        return NULL;
    if (t->top == L)
        luaL_error(L, "cannot wait here: a call in between cannot yield");
    luaL_error(L, "cannot wait in this coroutine: resume it by "
                  "sockeye.resume or sockeye.wrap");
    return NULL;
}

struct task *task_inside(lua_State *L, const char *call)
{
    struct task *t = task_current(L);

    if (t == NULL)
        luaL_error(L, "%s: not inside sockeye.run", call);
    return t;
}

int task_suspend(lua_State *L, struct task *t, const char *call,
                 lua_KContext context, lua_KFunction step)
{
    t->call = call;
    t->suspending = true;
    return lua_yieldk(L, 0, context, step);
}

int task_pause(lua_State *L, struct task *t, const void *token,
               const char *call, int64_t deadline, lua_KContext resumed,
               lua_KFunction step)
{
    int error = task_refusal(t, resumed != 0);

    if (error == 0)
        error = loop_pause(t, token, task_deadline(t, deadline));
    if (error == ETIMEDOUT)
        return raise_timeout(L, call, 0);
    if (error != 0)
        return raise_errno(L, call, error, 0);
    return task_suspend(L, t, call, 1, step);
}

void task_push(lua_State *L, const struct task *t)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &live_key);
    lua_rawgetp(L, -1, t);
    lua_remove(L, -2);
}

/* ---- the beginning ---- */

/* Errors keep the traceback of where they were raised, for who shows them. */
static int keep_traceback(lua_State *L)
{
    luaL_traceback(L, L, NULL, 1);
    task_push(L, loop_running);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, TRACEBACK);
    lua_pop(L, 1);
    if (is_error(L, 1)) {
        lua_pushliteral(L, "traceback");
        lua_pushvalue(L, -2);
        lua_rawset(L, 1);
    }
    lua_settop(L, 1);
    return 1;
}

/* The results of a task are what is left on its stack; of a task that failed,
 * the error. */
static int end_body(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - 1;
    loop_running->failed = true;
    return 1;
}

static int task_body(lua_State *L)
{
    int arguments = lua_gettop(L) - 1;

    lua_pushcfunction(L, keep_traceback);
    lua_insert(L, 1);
    return end_body(L, lua_pcallk(L, arguments, LUA_MULTRET, 1, 0, end_body),
                    0);
}

struct task *task_spawn(lua_State *L, int first, struct loop *loop,
                        struct group *group, int owner)
{
    int values = lua_gettop(L) - first + 1;
    struct task *t;

    luaL_checktype(L, first, LUA_TFUNCTION);
    luaL_checkstack(L, 4, NULL);
    owner = lua_absindex(L, owner);
    t = lua_newuserdatauv(L, sizeof *t, 3);
    memset(t, 0, sizeof *t);
    luaL_setmetatable(L, TASK_TYPE);
    t->tag = &task_tag;
    t->co = t->top = lua_newthread(L);
    lua_setiuservalue(L, -2, COROUTINE);
    lua_pushvalue(L, owner);
    lua_setiuservalue(L, -2, GROUP);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &live_key);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, t);
    lua_pop(L, 1);
    lua_insert(L, first);
    luaL_checkstack(t->co, values + 1, NULL);
    lua_pushcfunction(t->co, task_body);
    lua_xmove(L, t->co, values);
    t->arguments = values;
    t->scope = loop_scope(loop);
    t->group = group;
    group->count++;
    loop_add(loop, t);
    return t;
}

/* ---- the end ---- */

/* Whether what ended the task is its cancellation. */
static bool is_cancellation(lua_State *L, int index)
{
    bool is;

    if (!is_error(L, index))
        return false;
    index = lua_absindex(L, index);
    lua_getfield(L, index, "errno");
    is = lua_tointeger(L, -1) == ECANCELED;
    lua_pop(L, 1);
    return is;
}

static bool wake_joiners(struct task *t)
{
    bool joined = t->joiner != NULL;

    if (joined)
        loop_wake(t->joiner);
    for (struct task *other = t->more_joiners ? loop_first(t->loop) : NULL;
         other != NULL; other = other->next) {
        if (other->token == t)
            loop_wake(other);
    }
    t->joiner = NULL;
    return joined;
}

/* The results are on co's stack, the error on its top. */
static void end_task(lua_State *L, struct task *t)
{
    struct group *group = t->group;
    bool joined;

    loop_remove(t->loop, t);
    t->status = t->failed ? TASK_FAILED : TASK_DONE;
    if (t->failed && is_cancellation(t->co, -1))
        t->status = TASK_CANCELLED;
    joined = wake_joiners(t);
    task_push(L, t);
    group->count--;
    if (t->status == TASK_FAILED && !joined) {
        lua_getiuservalue(L, -1, GROUP);
        lua_pushvalue(t->co, -1);
        lua_xmove(t->co, L, 1);
        group_fail(L, -2);
        lua_pop(L, 1);
    }
    if (group->count == 0 && group->owner != NULL &&
        group->owner->token == group)
        loop_wake(group->owner);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &live_key);
    lua_pushnil(L);
    lua_rawsetp(L, -2, t);
    lua_pop(L, 2);
}

/* A task that was cancelled before its first turn has none. */
static bool is_stillborn(const struct task *t)
{
    return t->cancelled && lua_status(t->co) == LUA_OK && t->arguments > 0;
}

static void end_unborn(lua_State *L, struct task *t)
{
    lua_settop(t->co, 0);
    push_errno(L, "spawn", ECANCELED, 0);
    lua_xmove(L, t->co, 1);
    t->failed = true;
    end_task(L, t);
}

static void resume_task(lua_State *L, struct task *t)
{
    struct task *before = loop_running;
    int arguments = t->arguments;
    int results;
    int status;

    if (is_stillborn(t)) {
        end_unborn(L, t);
        return;
    }
    t->arguments = 0;
    t->suspending = false;
    loop_running = t;
    status = lua_resume(t->co, L, arguments, &results);
    loop_running = before;
    if (status != LUA_YIELD) {
        t->failed = t->failed || status != LUA_OK;
        end_task(L, t);
        return;
    }
    lua_pop(t->co, results);
    if (!t->suspending)
        loop_requeue(t);
}

/* ---- the loop ---- */

static int run_interrupts(lua_State *L)
{
    interrupt_run(L);
    return 0;
}

void task_push_place(lua_State *L, lua_State *co)
{
    lua_Debug ar;

    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        lua_getinfo(co, "Sl", &ar);
        if (ar.currentline > 0) {
            lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
            return;
        }
    }
    lua_pushliteral(L, "?");
}

/* Push the message that names every task and where it waits. */
static void push_deadlock(lua_State *L, const struct loop *loop)
{
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addstring(&b, "deadlock: every task waits for another");
    for (const struct task *t = loop_first(loop); t != NULL; t = t->next) {
        task_push_place(L, t->top);
        lua_pushfstring(L, "\n\ttask %p waits in %s at %s", (void *)t, t->call,
                        lua_tostring(L, -1));
        lua_remove(L, -2);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
}

/* The error on top ends everything; it is the loop's group that raises it. */
static void fail_loop(lua_State *L, struct loop *loop)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, loop);
    lua_insert(L, -2);
    group_fail(L, -2);
    lua_pop(L, 1);
    for (struct task *t = loop_first(loop); t != NULL; t = t->next)
        task_cancel(t);
}

static void look_for_changes(lua_State *L, struct loop *loop, int64_t deadline)
{
    int64_t own = loop_deadline(loop);
    int error = loop_poll(loop, own < deadline ? own : deadline);

    if (error != 0 && error != EINTR) {
        push_errno(L, "epoll_wait", error, 0);
        fail_loop(L, loop);
    }
    lua_pushcfunction(L, run_interrupts);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        fail_loop(L, loop);
}

bool task_turn(lua_State *L, struct loop *loop, int64_t deadline)
{
    const struct task *last = loop_last_ready(loop);
    struct task *t;

    loop_set_state(loop, L);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    while ((t = loop_next(loop)) != NULL) {
        bool is_last = t == last;

        resume_task(L, t);
        if (is_last)
            break;
    }
    if (loop_first(loop) == NULL)
        return false;
    if (loop_is_stuck(loop)) {
        push_deadlock(L, loop);
        fail_loop(L, loop);
    }
    look_for_changes(L, loop, deadline);
    return true;
}

/* Coroutines are reset, which runs what they have to close. */
void task_abort(lua_State *L, struct loop *loop)
{
    struct task *t;

    while ((t = loop_first(loop)) != NULL) {
        loop_remove(loop, t);
        t->status = TASK_FAILED;
        lua_resetthread(t->co);
        lua_rawgetp(L, LUA_REGISTRYINDEX, &live_key);
        lua_pushnil(L);
        lua_rawsetp(L, -2, t);
        lua_pop(L, 1);
    }
}

static bool is_inside(void)
{
    return loop_running != NULL && loop_running->co != NULL;
}

int task_fork_child(void)
{
    return is_inside() ? loop_fork(loop_running->loop) : 0;
}

void task_fork_parent(void)
{
    if (is_inside())
        loop_share(loop_running->loop);
}

int task_refusal(struct task *t, bool resumed)
{
    if (t->cancelled) {
        t->cancelled = false;
        return ECANCELED;
    }
    return resumed && t->timed_out ? ETIMEDOUT : 0;
}

int64_t task_deadline(const struct task *t, int64_t own)
{
    for (const struct scope *s = t->scope; s != NULL; s = s->outer) {
        if (s->deadline < own)
            own = s->deadline;
    }
    return own;
}

/* ---- what scripts do with tasks ---- */

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

    luaL_checktype(L, 1, LUA_TFUNCTION);
    self = task_inside(L, "spawn");
    task_push(L, self);
    lua_getiuservalue(L, -1, GROUP);
    lua_replace(L, -2);
    lua_insert(L, 1);
    task_spawn(L, 2, self->loop, self->group, 1);
    return 1;
}

void task_cancel(struct task *t)
{
    if (t->status > TASK_WAITING)
        return;
    t->cancelled = true;
    loop_wake(t);
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
    lua_getiuservalue(L, 1, TRACEBACK);
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
    self = task_inside(L, "join");
    if (t->joiner == self)
        t->joiner = NULL;
    if (t == self)
        return raise_errno(L, "join", EDEADLK, 0);
    if (t->joiner == NULL)
        t->joiner = self;
    else
        t->more_joiners = true;
    return task_pause(L, self, t, "join", NO_DEADLINE, context, join_step);
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
    return join_step(L, LUA_OK, 0);
}

static int yield_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_current(L);

    (void)status;
    (void)context;
    if (task_refusal(t, false) == ECANCELED)
        return raise_errno(L, "yield", ECANCELED, 0);
    return 0;
}

/*** Let the other tasks run first.
@function yield
@raise ECANCELED where the task was cancelled; outside of `run` an error that
says so
*/
static int sockeye_yield(lua_State *L)
{
    struct task *t = task_inside(L, "yield");

    loop_requeue(t);
    return task_suspend(L, t, "yield", 0, yield_step);
}

static const luaL_Reg methods[] = {
    {"cancel", task_cancel_method},
    {"join", task_join},
    {"status", task_status},
    {"traceback", task_traceback},
    {NULL, NULL},
};

void open_task(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"spawn", sockeye_spawn},
        {"yield", sockeye_yield},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    luaL_newmetatable(L, TASK_TYPE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &live_key);
}
