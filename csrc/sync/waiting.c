/*
 * waiting: how the calls of this folder wait; see waiting.h.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/error.h"
#include "sync/waiting.h"
#include "task/live.h"

/* The task that makes a call on L and could yield there; NULL: none. */
static struct task *task_that_yields(lua_State *L)
{
    struct task *t = loop_running();

    return t != NULL && t->top == L && lua_isyieldable(L) ? t : NULL;
}

void *waiting_check_self(lua_State *L, const char *type)
{
    void *self = luaL_testudata(L, 1, type);

    if (self == NULL)
        luaL_typeerror(L, 1, type);
    return self;
}

/* Raise where t is to stop. `resumed`: its deadline counts. */
static inline void check_interruption(lua_State *L, struct task *t,
                                      const struct call *call, bool resumed)
{
    int error = task_interruption(t, resumed);

    if (error != 0)
        task_raise(L, call->name, error);
}

bool waiting_is_free(lua_State *L)
{
    const struct task *t = task_that_yields(L);

    return t == NULL || t->budget > 0;
}

void waiting_begin(lua_State *L, const struct call *call, lua_KContext context)
{
    struct task *t;

    if (context > WAIT_FIRST)
        return;
    t = task_that_yields(L);
    if (t == NULL || context != WAIT_FIRST || t->budget-- <= 0)
        wait_turn(L, call, context);
    if (t != NULL)
        check_interruption(L, t, call, false);
}

void waiting_let_others(lua_State *L, const struct call *call)
{
    struct task *t = task_that_yields(L);

    if (t == NULL)
        return;
    loop_requeue(t);
    task_suspend(L, t, call->name, WAIT_POSTPONED, call->step);
}

void waiting_draw(lua_State *L, const struct call *call, lua_KContext context)
{
    struct task *t = task_that_yields(L);

    if (t != NULL && context == WAIT_FIRST && t->budget-- <= 0)
        waiting_let_others(L, call);
}

void waiting_take_seconds(lua_State *L, int arg)
{
    int64_t seconds;

    lua_settop(L, arg);
    if (lua_isnil(L, arg))
        return;
    seconds = clock_check_seconds(L, arg);
    if (loop_running() != NULL)
        loop_running()->patience = seconds;
    lua_pushinteger(L, seconds == 0 ? 0 : clock_after(seconds));
    lua_replace(L, arg);
}

const struct place *waiting_met(lua_State *L, const struct call *call,
                                bool timed, bool *ended)
{
    struct task *t = loop_running();
    const struct place *p = place_take(t);

    if (p == NULL)
        check_interruption(L, t, call, timed);
    *ended = p != NULL && t->places->ended;
    return p;
}

static int64_t deadline_at(lua_State *L, int index)
{
    return lua_isinteger(L, index) ? lua_tointeger(L, index) : NO_DEADLINE;
}

void waiting_enter(lua_State *L, struct queue *queue, struct place *p,
                   uint64_t order)
{
    p->co = L;
    p->first = lua_topointer(L, 1);
    p->order = order;
    place_enter(queue, p);
}

bool waiting_is_over(lua_State *L, struct task *t, const struct call *call,
                     int64_t deadline, bool resumed)
{
    check_interruption(L, t, call, false);
    if (resumed && loop_now(t->loop) >= deadline)
        return true;
    check_interruption(L, t, call, resumed);
    return false;
}

int waiting_pause(lua_State *L, const struct call *call,
                  const struct waiting *waiting, lua_KContext context)
{
    bool resumed = context == WAIT_RESUMED;
    int64_t deadline = deadline_at(L, waiting->deadline);
    uint64_t order;
    struct place *p;
    struct task *t;

    if (deadline == 0 && task_running(L) == NULL)
        return error_raise_timeout(L, call->name, 0);
    t = task_require_waiting(L, call->name);
    order = resumed ? t->progress : place_next_order();
    if (!place_open(L, t, 1))
        return error_raise(L, call->name, ENOMEM, 0);
    task_pause(L, t, waiting->queue, call->name, deadline, resumed);
    t->progress = order;
    p = &t->places->list[0];
    p->value = waiting->value;
    p->lost = waiting->lost;
    p->object = 1;
    waiting_enter(L, waiting->queue, p, order);
    return task_suspend(L, t, task_wait_name(t, call->name), WAIT_RESUMED,
                        call->step);
}

/* ---- a value that is handed over ---- */

/* The stack of the task's own coroutine has the value. Scripts close a generator
 * as they like: for one that waits, the table of the loop has it. */
static bool is_in_generator(const struct place *p)
{
    return p->co != p->task->co;
}

/* The keys of the value, and of the object that gives it. */
static const void *value_key(const struct place *p)
{
    return &p->value;
}

static const void *object_key(const struct place *p)
{
    return &p->object;
}

void waiting_hand(lua_State *L, struct place *p, int object, int value)
{
    const struct loop *loop = p->task->loop;

    lua_pushvalue(L, value);
    if (!is_in_generator(p)) {
        lua_xmove(L, p->co, 1);
        return;
    }
    lua_pushvalue(L, object);
    task_hold(L, loop, object_key(p));
    task_hold(L, loop, value_key(p));
}

/* Push what the table of the loop has, and remove it there. */
static void take_held(lua_State *L, const struct loop *loop, const void *key)
{
    task_push_live(L, loop);
    lua_rawgetp(L, -1, key);
    lua_pushnil(L);
    lua_rawsetp(L, -3, key);
    lua_remove(L, -2);
}

void waiting_receive(lua_State *L, const struct place *p)
{
    const struct loop *loop = p->task->loop;

    if (!is_in_generator(p))
        return;
    task_release(L, loop, object_key(p));
    take_held(L, loop, value_key(p));
}

bool waiting_recall(lua_State *L, const struct place *p)
{
    const struct loop *loop = p->task->loop;

    if (is_in_generator(p)) {
        take_held(L, loop, object_key(p));
        take_held(L, loop, value_key(p));
        return true;
    }
    if (lua_status(p->co) != LUA_YIELD)
        return false;
    lua_pushvalue(p->co, p->object);
    lua_xmove(p->co, L, 1);
    lua_xmove(p->co, L, 1);
    return true;
}

/* ---- who waits ---- */

/* A script may have closed or resumed the coroutine by hand. */
static bool still_waits(const struct place *p)
{
    return p->co == NULL || (lua_status(p->co) == LUA_YIELD &&
                             lua_topointer(p->co, 1) == p->first);
}

struct place *waiting_first(struct queue *queue)
{
    struct place *p;

    while ((p = queue->first) != NULL && !still_waits(p)) {
        place_leave(p);
        loop_wake(p->task);
    }
    return p;
}

int waiting_count(const struct queue *queue)
{
    const struct place *p = queue->first;
    int count = 0;

    if (p == NULL)
        return 0;
    do {
        count++;
        p = p->next;
    } while (p != queue->first);
    return count;
}
