/*
 * turn: resumes tasks, and lets the loop look for changes; see turn.h.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "loop/fork.h"
#include "loop/output.h"
#include "loop/place.h"
#include "loop/scope.h"
#include "open.h"
#include "task/group.h"
#include "task/live.h"
#include "task/loops.h"
#include "task/origin.h"
#include "task/report.h"
#include "task/task.h"
#include "task/turn.h"

/* ---- one task ---- */

/* Resume t until it waits. `outer` is the task that runs the loop, or NULL. A
 * script that has resumed the coroutine by hand may step the loop in there. */
static void resume_task(lua_State *L, struct task *t, struct task *outer)
{
    int arguments = t->arguments;
    int results;
    int status;

    if (task_has_ended(t)) {
        task_settle(L, t);
        return;
    }
    if (task_coroutine_runs(t->co)) {
        loop_requeue(t);
        return;
    }
    t->arguments = 0;
    t->suspending = false;
    loop_set_running(t);
    status = lua_resume(t->co, L, arguments, &results);
    loop_set_running(outer);
    if (status != LUA_YIELD) {
        turn_end_fork(L, t->loop);
        t->failed = t->failed || status != LUA_OK;
        task_end(L, t);
        return;
    }
    if (!t->suspending) {
        lua_pop(t->co, results);
        loop_requeue(t);
    }
}

/* ---- all of them ---- */

static int run_interrupts(lua_State *L)
{
    interrupt_run(L);
    return 0;
}

/* Push a message that names every task and the call it waits in. */
static void push_deadlock(lua_State *L, const struct loop *loop)
{
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addstring(&b, "deadlock: every task waits for another");
    for (const struct task *t = loop_first(loop); t != NULL; t = t->next) {
        origin_push_place(L, t);
        lua_pushfstring(L, "\n\ttask %p waits in %s at %s", (void *)t, t->call,
                        lua_tostring(L, -1));
        lua_remove(L, -2);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
}

static void cancel_all(struct loop *loop)
{
    for (struct task *t = loop_first(loop); t != NULL; t = t->next)
        scope_cancel(&t->own);
}

/* The error on top ends all tasks; the loop's group raises it. */
static void fail_loop(lua_State *L, struct loop *loop)
{
    task_push_live(L, loop);
    lua_rawgetp(L, -1, loop);
    lua_replace(L, -2);
    lua_insert(L, -2);
    if (!group_fail(L, -2))
        lua_pop(L, 1);
    lua_pop(L, 1);
    cancel_all(loop);
}

static void look_for_changes(lua_State *L, struct loop *loop, int64_t deadline)
{
    int64_t own = loop_deadline(loop);
    int error = loop_poll(loop, own < deadline ? own : deadline);

    if (error != 0 && error != EINTR) {
        error_push(L, loop_call(loop), error, 0);
        fail_loop(L, loop);
    }
    if (!interrupt_is_due(L))
        return;
    loop_wake_set_waiters(task_loops(L));
    lua_pushcfunction(L, run_interrupts);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        fail_loop(L, loop);
}

/* Report what groups have failed with whose generators nobody has resumed. */
static void report_kept(lua_State *L, struct loop *loop)
{
    struct group *group = loop_first_group(loop);

    luaL_checkstack(L, LUA_MINSTACK, NULL);
    while (group != NULL) {
        struct group *next = group->next;

        task_push_live(L, loop);
        lua_rawgetp(L, -1, group);
        if (group->failed && lua_isuserdata(L, -1) && group->owner != NULL) {
            group->failed = false;
            group_push_failure(L, -1);
            report_error(L, loop_main(loop));
            next = loop_first_group(loop);
        }
        lua_pop(L, 2);
        group = next;
    }
}

static bool make_turn(lua_State *L, struct loop *loop, int64_t deadline,
                      bool alone)
{
    struct task *outer = loop_resumer(loop);
    const struct task *last;
    struct task *t;

    loop_own(loop);
    loop_set_state(loop, L);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    turn_end_fork(L, loop);
    last = loop_last_ready(loop);
    while ((t = loop_next(loop)) != NULL) {
        bool is_last = t == last;

        resume_task(L, t, outer);
        if (is_last)
            break;
    }
    if (loop_first(loop) == NULL) {
        report_kept(L, loop);
        return false;
    }
    if (loop_main(loop)->group->count == 0)
        cancel_all(loop);
    if (alone && loop_is_stuck(loop)) {
        if (loop_is_stuck_again(loop))
            return false;
        push_deadlock(L, loop);
        fail_loop(L, loop);
    }
    look_for_changes(L, loop, deadline);
    return true;
}

bool turn_once(lua_State *L, struct loop *loop, int64_t deadline, bool alone)
{
    bool is_alive;

    loop_set_resumer(loop, loop_running());
    is_alive = make_turn(L, loop, deadline, alone);
    loop_set_resumer(loop, NULL);
    return is_alive;
}

/* Closes the coroutines, and with them their `<close>` variables, which cannot
 * wait any more. Groups are left without tasks, and tasks without what is in
 * the loop: scripts may keep both for longer. One of these tasks may be running
 * now, where os.exit closes the Lua state. */
void turn_abort(lua_State *L, struct loop *loop)
{
    struct task *before = loop_running();
    struct task *t;

    if (task_has_coroutine(before) && before->loop == loop)
        before = loop_resumer(loop);
    loop_halt(loop);
    while ((t = loop_first(loop)) != NULL) {
        place_give_up(L, t);
        loop_retire(t);
        loop_remove(loop, t);
        t->group->count--;
        t->group->daemons -= t->is_daemon;
        t->top = NULL;
        loop_set_running(t);
        if (task_coroutine_runs(t->co)) {
            outputs_finish(&t->outputs);
        } else {
            lua_resetthread(t->co);
            outputs_try(&t->outputs);
        }
        outputs_leave(&t->outputs);
        loop_meet_all(&t->ends);
        scope_end(t);
    }
    loop_set_running(before);
}

/* ---- fork ---- */

/* The task that runs t's loop, if that is a task of another loop; or NULL. */
static struct task *next_outer(const struct task *t)
{
    return task_has_coroutine(t) ? loop_resumer(t->loop) : NULL;
}

/* In a forked child, whoever called fork(2): the task that did goes on, as do
 * those that run its loop, and no other. This makes no Lua call. */
static void begin_child(void)
{
    for (struct task *t = loop_running(); task_has_coroutine(t);
         t = next_outer(t)) {
        loop_keep_only(t->loop, t);
        loop_own(t->loop);
    }
}

/* Remove everything but the task and the group from the loop's table. */
static void clear_others(lua_State *L, const struct task *t)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const void *key = lua_touserdata(L, -2);

        lua_pop(L, 1);
        if (key == t || key == t->loop)
            continue;
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, -4);
    }
}

void turn_forget_others(lua_State *L, struct loop *loop)
{
    struct task *t = loop_survivor(loop);

    loop_forget_survivor(loop);
    task_push_live(L, loop);
    clear_others(L, t);
    lua_rawgetp(L, -1, loop);
    group_take(L, -1, t);
    loop_set_main(loop, t);
    lua_pop(L, 2);
}

void turn_end_forks(lua_State *L)
{
    const struct loops *own = task_loops(L);

    for (struct task *t = loop_running(); task_has_coroutine(t);
         t = next_outer(t)) {
        if (loop_loops(t->loop) == own)
            turn_end_fork(L, t->loop);
    }
}

/* As os.exit ends the process: send what the running task has written, and those
 * that run its loop. Any other has sent its own before it waited. */
static void send_at_exit(void)
{
    for (struct task *t = loop_running(); task_has_coroutine(t);
         t = next_outer(t))
        outputs_finish(&t->outputs);
}

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    atexit(send_at_exit);
    pthread_atfork(NULL, NULL, begin_child);
}

void open_turn(lua_State *L)
{
    (void)L;
    pthread_once(&prepared, prepare);
}
