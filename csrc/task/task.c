/*
 * task: the userdata of tasks, and how a task begins, waits and ends; see
 * task.h.
 *
 * A task is a userdata with four user values: its coroutine, and what state.h
 * lists. Until it ends, a table of its loop holds it (live.h).
 */
#include <errno.h>
#include <string.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "loop/output.h"
#include "loop/place.h"
#include "loop/scope.h"
#include "open.h"
#include "task/group.h"
#include "task/handle.h"
#include "task/live.h"
#include "task/origin.h"
#include "task/report.h"
#include "task/task.h"
#include "task/traceback.h"

#define TASK_TYPE "sockeye.Task"

/* The user values of a task. */
enum {
    COROUTINE = 1,
    GROUP = TASK_GROUP,
    TRACEBACK = TASK_TRACEBACK,
    NEST = TASK_NEST
};

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

    if (!task_has_coroutine(t) || L == loop_state(t->loop))
        return NULL;
    if (t->top != L && interrupt_main_thread(L) != interrupt_main_thread(t->co))
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
    if (t->top == L && (lua_isyieldable(L) || t->killed))
        return t;
    if (task_running(L) == NULL)
        return NULL;
    if (t->abandoned)
        error_raise_misuse(L, "cannot wait: the loop has ended");
    if (t->top == NULL)
        error_raise_misuse(L, "cannot wait in a function for on_error");
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

static void push_interruption(lua_State *L, const char *call, int error)
{
    if (error == ECANCELED)
        error_push_canceled(L, call, 0);
    else if (error == ETIMEDOUT)
        error_push_timeout(L, call, 0, loop_running()->patience);
    else
        error_push(L, call, error, 0);
}

int task_raise(lua_State *L, const char *call, int error)
{
    push_interruption(L, call, error);
    return lua_error(L);
}

void task_pause(lua_State *L, struct task *t, const void *token,
                const char *call, int64_t deadline, bool resumed)
{
    int error = task_interruption(t, resumed);

    if (error != 0)
        task_raise(L, task_wait_name(t, call), error);
    t->completed = false;
    error = loop_pause(t, token, deadline);
    if (error != 0)
        error_raise(L, task_wait_name(t, call), error, 0);
}

/* ---- the beginning ---- */

/* Stack slots below the task's function: the task, the message handler. */
#define BODY 2

/* Replace the results by the error of the output, which no call of its stream
 * has raised. */
static int fail_output(lua_State *L, struct task *t, struct output *o)
{
    int error = o->error;
    bool timed_out = o->timed_out;

    output_drop(o);
    t->failed = true;
    if (timed_out)
        handle_push_timeout(L, "flush", 0, o->handle);
    else
        error_push(L, "flush", error, 0);
    return 1;
}

/* Send what the task has written before it ends. Where a scope around it is
 * over, what is left is sent when its stream is closed. */
static int send_rest(lua_State *L, int status, lua_KContext context)
{
    struct task *t = loop_running();
    struct output *failed = NULL;

    (void)status;
    (void)context;
    if (t->outputs != NULL && task_interruption(t, false) == 0 &&
        loop_flush(t, NO_DEADLINE, &failed) == EAGAIN && failed == NULL)
        return task_suspend(L, t, "flush", WAIT_RESUMED, send_rest);
    if (failed != NULL) {
        loop_take_out(t);
        return fail_output(L, t, failed);
    }
    return lua_gettop(L) - BODY;
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

int task_body(lua_State *L)
{
    int arguments = lua_gettop(L) - BODY - 1;

    return end_body(L, lua_pcallk(L, arguments, LUA_MULTRET, BODY, 0, end_body),
                    0);
}

/* Push a task whose coroutine can hold so many values, and the task's own
 * function. Lua code may run. */
static struct task *new_task(lua_State *L, int values)
{
    struct task *t = lua_newuserdatauv(L, sizeof *t, NEST);

    memset(t, 0, sizeof *t);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &task_tag);
    lua_setmetatable(L, -2);
    t->tag = &task_tag;
    t->co = t->top = lua_newthread(L);
    lua_setiuservalue(L, -2, COROUTINE);
    if (!lua_checkstack(t->co, values + BODY + 1))
        luaL_error(L, "too many arguments");
    return t;
}

/* Put the task, which is on top, and its function with its arguments below it,
 * onto the stack of its coroutine. The task stays. */
static void begin_body(lua_State *L, struct task *t, int first, int count)
{
    lua_pushcfunction(t->co, task_body);
    lua_pushvalue(L, -1);
    lua_xmove(L, t->co, 1);
    lua_pushcfunction(t->co, traceback_keep);
    lua_insert(L, first);
    lua_xmove(L, t->co, count);
    t->arguments = count + BODY;
}

/* A finalizer may end the group, and its loop, while the task is made. */
struct task *task_spawn(lua_State *L, int first, int count, struct group *group)
{
    int live = first + count;
    struct task *t;

    luaL_checkstack(L, 6, NULL);
    t = new_task(L, count);
    if (group_has_ended(group))
        error_raise_misuse(L, "spawn: the group has ended");
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, GROUP);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, live, t);
    lua_replace(L, live);
    lua_settop(L, live);
    begin_body(L, t, first, count);
    t->group = group;
    origin_note(L, t, loop_loops(group->loop));
    group->count++;
    loop_add(group->loop, t);
    scope_begin(t, &group->scope.base);
    return t;
}

void task_take_nest(lua_State *L, struct task *t)
{
    t->nests = false;
    if (lua_getiuservalue(L, -1, NEST) == LUA_TUSERDATA)
        scope_cancel(&((struct group *)lua_touserdata(L, -1))->scope.base);
    lua_pushnil(L);
    lua_setiuservalue(L, -3, NEST);
}

/* ---- the end ---- */

/* Whether a task of another loop waits for the end of t. That loop has its
 * turns at other times. */
static bool is_joined_from_elsewhere(const struct task *t)
{
    const struct place *p = t->ends.first;

    if (t->joiner != NULL && t->joiner->loop != t->loop)
        return true;
    if (p == NULL)
        return false;
    do {
        if (p->task != NULL && p->task->loop != t->loop)
            return true; /* the place of an object belongs to no task */
        p = p->next;
    } while (p != t->ends.first);
    return false;
}

/* Let the tasks go on that wait for the end of t. Returns whether there are
 * any: those whose own scope was over have stopped waiting. */
static bool complete_joiners(struct task *t)
{
    bool joined = loop_meet_all(&t->ends) || t->joiners > 0;

    if (t->joiner != NULL)
        task_complete(t->joiner);
    for (struct task *other = loop_first(t->loop);
         t->joiners > 0 && other != NULL; other = other->next) {
        if (other->joins && other->token == t)
            task_complete(other);
    }
    return joined;
}

static int hold(lua_State *L)
{
    const struct group *group = lua_touserdata(L, 1);

    task_hold(L, group->loop, group);
    return 0;
}

/* Keep the group at `index`, whose generator may not be resumed any more: what
 * it has failed with is reported at the end of the loop. Without memory for
 * that, only the group keeps it. */
static void hold_group(lua_State *L, int index)
{
    lua_pushcfunction(L, hold);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        lua_pop(L, 1);
}

/* The coroutine that has opened the group may yield, and run no more. */
static bool is_in_generator(const struct group *group)
{
    return group->owner != NULL && group->scope.opener != group->owner->co &&
           group != loop_main(group->loop)->group;
}

/* The group at `index` has failed with the error of t. */
static void keep_failure(lua_State *L, int index, const struct task *t)
{
    const struct group *group = lua_touserdata(L, index);

    if (t->status == TASK_FAILED) {
        task_push(L, t);
        lua_getiuservalue(L, -1, TRACEBACK);
        group_set_traceback(L, index);
        lua_pop(L, 1);
    }
    if (group->cancels_owner)
        scope_cancel(&group->owner->own);
    else if (is_in_generator(group))
        hold_group(L, index);
}

void task_fail_group(lua_State *L, int index, struct task *t)
{
    index = lua_absindex(L, index);
    if (!group_fail(L, index))
        report_error(L, t);
    else
        keep_failure(L, index, t);
}
static enum task_status final_status(struct task *t)
{
    if (t->killed)
        return TASK_KILLED;
    if (!t->failed)
        return TASK_DONE;
    if (t->forgiven ||
        (error_is_canceled(t->co, -1) && task_interruption(t, false) != 0))
        return TASK_CANCELLED;
    return TASK_FAILED;
}

/* With the table of the loop on top: a task of its group has failed. */
static void fail_group(lua_State *L, struct task *t)
{
    lua_rawgetp(L, -1, t);
    lua_getiuservalue(L, -1, GROUP);
    lua_pushvalue(t->co, -1);
    lua_xmove(t->co, L, 1);
    task_fail_group(L, -2, t);
    lua_pop(L, 2);
}

void task_settle(lua_State *L, struct task *t)
{
    loop_remove(t->loop, t);
    task_push_live(L, t->loop);
    if (t->unclaimed)
        fail_group(L, t);
    if (t->reports)
        report_forget_own(L, t);
    scope_end(t);
    group_note_end(t->group, t);
    lua_pushnil(L);
    lua_rawsetp(L, -2, t);
    lua_pop(L, 1);
}

/* Forget the group of the tasks that t has spawned. */
static void drop_nest(lua_State *L, struct task *t)
{
    task_push(L, t);
    task_take_nest(L, t);
    lua_pop(L, 2);
}

/* The coroutine's stack has the results; or the error, on top. */
void task_end(lua_State *L, struct task *t)
{
    bool elsewhere = is_joined_from_elsewhere(t);
    bool joined;

    outputs_try(&t->outputs);
    place_give_up(L, t);
    loop_retire(t);
    if (t->failed || t->killed)
        traceback_forget_error(L, t);
    t->status = (uint8_t)final_status(t);
    if (t->nests)
        drop_nest(L, t);
    joined = complete_joiners(t);
    t->unclaimed = t->status == TASK_FAILED && !elsewhere;
    if (joined && t->unclaimed)
        loop_push_ended(t);
    else
        task_settle(L, t);
}

/* ---- waiting ---- */

const char *task_wait_name(const struct task *t, const char *call)
{
    return t->flushing ? "flush" : call;
}

int task_find_interruption(struct task *t, bool resumed)
{
    if (!t->over && t->scope_limit <= loop_now(t->loop))
        scope_refresh(t);
    if (!t->over && !(resumed && t->timed_out && t->limit <= loop_now(t->loop)))
        return 0;
    t->flush_limit = 0;
    return t->over ? ECANCELED : ETIMEDOUT;
}

void task_complete(struct task *t)
{
    t->completed = true;
    loop_wake(t);
}

static void push_nest(lua_State *L, struct task *t)
{
    struct group *group = group_new(L, t->loop, t, NO_DEADLINE);

    group->cancels_owner = true;
    scope_put(&group->scope.base, &t->own);
}

struct group *task_push_spawn_group(lua_State *L, struct task *t)
{
    if (!t->nests) {
        lua_getiuservalue(L, -1, GROUP);
    } else if (lua_getiuservalue(L, -1, NEST) == LUA_TNIL) {
        lua_pop(L, 1);
        push_nest(L, t);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, -3, NEST);
    }
    return lua_touserdata(L, -1);
}

void task_add_methods(lua_State *L, const luaL_Reg *methods)
{
    metatable_add_methods(L, TASK_TYPE, methods);
}

void open_task(lua_State *L)
{
    metatable_push(L, TASK_TYPE, NULL);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &task_tag);
}
