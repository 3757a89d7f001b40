/*
 * mutex: the function mutex and its methods: one task at a time.
 *
 * An unlocked mutex goes straight to the task that has waited longest. The mutex
 * has a place of its own in the queue of its owner's end: an owner that ends
 * without unlocking leaves what the mutex guards in an unknown state, which
 * whoever would lock it is told (EOWNERDEAD).
 *
 * Functions named mutex_* are methods.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/metatable.h"
#include "open.h"
#include "sync/waiting.h"

#define MUTEX_TYPE "sockeye.Mutex"

enum { SELF = 1, DEADLINE };

struct mutex {
    struct place end;   /* in its owner's queue; first in it */
    struct task *owner; /* NULL: none, or it was locked outside of tasks */
    bool locked;
    bool broken; /* its owner has ended */
    struct queue waiting;
    struct queue handed; /* the place of an owner that has not run since */
};

static struct mutex *check_mutex(lua_State *L)
{
    return waiting_check_self(L, MUTEX_TYPE);
}

/* ---- owners ---- */

static void own(struct mutex *m, struct task *t)
{
    m->locked = true;
    m->owner = t;
    if (t != NULL)
        place_enter(&t->ends, &m->end);
}

/* Unlock it, and lock it for the task that has waited longest. */
static void pass_on(struct mutex *m)
{
    struct place *p = waiting_first(&m->waiting);

    place_leave(&m->end);
    m->owner = NULL;
    m->locked = false;
    if (p == NULL)
        return;
    own(m, p->task);
    loop_meet(p);
    place_enter(&m->handed, p);
}

/* The owner has ended. */
static void end_owner(struct place *p)
{
    struct mutex *m = (struct mutex *)p;

    m->owner = NULL;
    m->broken = true;
    loop_meet_all(&m->waiting);
}

/* The owner ends without having run since. */
static void take_back(lua_State *L, struct place *p)
{
    struct queue *handed = p->queue;

    (void)L;
    place_leave(p);
    pass_on((struct mutex *)((char *)handed - offsetof(struct mutex, handed)));
}

/*** Create a mutex, which one task can lock at a time.
@function mutex
@treturn Mutex
@usage
local lock = sockeye.mutex()
do
  local _ <close> = lock:lock()
  conn:write(question):flush()
  answer = conn:read "l"
end
*/
static int sockeye_mutex(lua_State *L)
{
    struct mutex *m = lua_newuserdatauv(L, sizeof *m, 0);

    memset(m, 0, sizeof *m);
    m->end.met = end_owner;
    luaL_setmetatable(L, MUTEX_TYPE);
    return 1;
}

/* ---- lock ---- */

static int lock_step(lua_State *L, int status, lua_KContext context);

static const struct call lock_call = {"lock", 0, lock_step};

/* Whether the task that runs has been given the mutex, or the end of its
 * owner. */
static bool was_met(lua_State *L, lua_KContext context)
{
    bool ended;

    return context == WAIT_RESUMED &&
           waiting_met(L, &lock_call, true, &ended) != NULL && !ended;
}

static int lock_step(lua_State *L, int status, lua_KContext context)
{
    struct mutex *m = check_mutex(L);
    const struct waiting waiting = {&m->waiting, 0, DEADLINE, take_back};
    struct task *t;

    (void)status;
    waiting_begin(L, &lock_call, context);
    if (!was_met(L, context)) {
        t = task_running(L);
        if (m->broken)
            return error_raise(L, "lock", EOWNERDEAD, 0);
        if (m->locked && m->owner == t)
            return error_raise(L, "lock", EDEADLK, 0);
        if (m->locked)
            return waiting_pause(L, &lock_call, &waiting, context);
        own(m, t);
    }
    lua_settop(L, SELF);
    return 1;
}

/*** Lock the mutex.
Waits until it is unlocked, behind those that wait already. Unlock it by
`unlock`, or by a `<close>` variable: `local _ <close> = m:lock()`. Outside of
tasks this works where it need not wait.
@function Mutex:lock
@number[opt] seconds how long to wait at most
@treturn Mutex itself
@raise EDEADLK if the caller has locked it already; EOWNERDEAD if the task that
has locked it has ended without unlocking it; ETIMEDOUT with `timeout` when the
seconds have run out; ECANCELED
*/
static int mutex_lock(lua_State *L)
{
    check_mutex(L);
    waiting_take_seconds(L, DEADLINE);
    return lock_step(L, LUA_OK, WAIT_FIRST);
}

/*** Unlock the mutex.
It goes to the task that has waited longest.
@function Mutex:unlock
@treturn Mutex itself
@raise an error if it is not locked, or locked by another task
*/
static int mutex_unlock(lua_State *L)
{
    struct mutex *m = check_mutex(L);

    if (m->broken)
        return error_raise_misuse(
            L, "unlock: the task that locked the mutex has ended");
    if (!m->locked)
        return error_raise_misuse(L, "unlock: the mutex is not locked");
    if (m->owner != task_running(L))
        return error_raise_misuse(
            L, "unlock: the mutex was locked by another task");
    pass_on(m);
    lua_settop(L, SELF);
    return 1;
}

static int mutex_tostring(lua_State *L)
{
    const struct mutex *m = check_mutex(L);
    const char *state = m->locked ? "locked" : "unlocked";

    lua_pushfstring(L, "mutex(%s, %d waiting)",
                    m->broken ? "its owner has ended" : state,
                    waiting_count(&m->waiting));
    return 1;
}

static int mutex_gc(lua_State *L)
{
    struct mutex *m = check_mutex(L);

    place_leave(&m->end);
    place_empty(&m->waiting);
    place_empty(&m->handed);
    m->owner = NULL;
    return 0;
}

void open_mutex(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"mutex", sockeye_mutex},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"lock", mutex_lock},
        {"unlock", mutex_unlock},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", mutex_unlock},
        {"__gc", mutex_gc},
        {"__tostring", mutex_tostring},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    metatable_push(L, MUTEX_TYPE, metamethods);
    lua_pop(L, 1);
    metatable_add_methods(L, MUTEX_TYPE, methods);
}
