/*
 * semaphore: the function semaphore and its methods: so many tasks at once.
 *
 * A permit that is released goes straight to the task that has waited longest.
 * Until that task runs, its place stands in the queue `handed`: if it ends
 * before, the permit goes on.
 *
 * Functions named semaphore_* are methods.
 */
#include <stddef.h>
#include <string.h>

#include "base/argument.h"
#include "base/metatable.h"
#include "open.h"
#include "sync/waiting.h"

#define SEMAPHORE_TYPE "sockeye.Semaphore"

enum { SELF = 1, DEADLINE };

struct semaphore {
    lua_Integer permits;
    struct queue waiting, handed;
};

static struct semaphore *check_semaphore(lua_State *L)
{
    return waiting_check_self(L, SEMAPHORE_TYPE);
}

/*** Create a semaphore: a number of permits, each for one task at a time.
@function semaphore
@int n how many permits there are at first
@treturn Semaphore
@raise argument error for a negative number
@usage
local limit = sockeye.semaphore(10)
for _, address in ipairs(addresses) do
  g:spawn(function()
    local _ <close> = limit:acquire()
    probe(address)
  end)
end
*/
static int sockeye_semaphore(lua_State *L)
{
    lua_Integer permits = luaL_checkinteger(L, 1);
    struct semaphore *s;

    luaL_argcheck(L, permits >= 0, 1, "number that is not negative expected");
    s = lua_newuserdatauv(L, sizeof *s, 0);
    memset(s, 0, sizeof *s);
    s->permits = permits;
    luaL_setmetatable(L, SEMAPHORE_TYPE);
    return 1;
}

static void release(struct semaphore *s)
{
    struct place *p = waiting_first(&s->waiting);

    if (p == NULL) {
        s->permits++;
        return;
    }
    loop_meet(p);
    place_enter(&s->handed, p);
}

/* The task ends without having run. */
static void take_back(lua_State *L, struct place *p)
{
    struct queue *handed = p->queue;

    (void)L;
    place_leave(p);
    release((struct semaphore *)((char *)handed -
                                 offsetof(struct semaphore, handed)));
}

static int acquire_step(lua_State *L, int status, lua_KContext context);

static const struct call acquire_call = {"acquire", 0, acquire_step};

static int acquire_step(lua_State *L, int status, lua_KContext context)
{
    struct semaphore *s = check_semaphore(L);
    bool ended;

    (void)status;
    waiting_begin(L, &acquire_call, context);
    if (context != WAIT_RESUMED ||
        waiting_met(L, &acquire_call, true, &ended) == NULL) {
        const struct waiting waiting = {&s->waiting, 0, DEADLINE, take_back};

        if (s->permits == 0)
            return waiting_pause(L, &acquire_call, &waiting, context);
        s->permits--;
    }
    lua_settop(L, SELF);
    return 1;
}

/*** Take a permit.
Waits until there is one, behind those that wait already. Give it back by
`release`, or by a `<close>` variable: `local _ <close> = s:acquire()`. Outside
of tasks this works where it need not wait.
@function Semaphore:acquire
@number[opt] seconds how long to wait at most
@treturn Semaphore itself
@raise ETIMEDOUT with `timeout` when the seconds have run out; ECANCELED
*/
static int semaphore_acquire(lua_State *L)
{
    check_semaphore(L);
    waiting_take_seconds(L, DEADLINE);
    return acquire_step(L, LUA_OK, WAIT_FIRST);
}

/*** Give a permit back, or add one.
It goes to the task that has waited longest. Any task may do so; there may be
more permits than at first.
@function Semaphore:release
@treturn Semaphore itself
*/
static int semaphore_release(lua_State *L)
{
    struct semaphore *s = check_semaphore(L);

    luaL_argcheck(L, s->permits < LUA_MAXINTEGER, SELF, "too many permits");
    release(s);
    lua_settop(L, SELF);
    return 1;
}

static int semaphore_tostring(lua_State *L)
{
    const struct semaphore *s = check_semaphore(L);

    lua_pushfstring(L, "semaphore(%I free, %d waiting)", s->permits,
                    waiting_count(&s->waiting));
    return 1;
}

static int semaphore_gc(lua_State *L)
{
    struct semaphore *s = check_semaphore(L);

    place_empty(&s->waiting);
    place_empty(&s->handed);
    return 0;
}

void open_semaphore(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"semaphore", sockeye_semaphore},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"acquire", semaphore_acquire},
        {"release", semaphore_release},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", semaphore_release},
        {"__gc", semaphore_gc},
        {"__tostring", semaphore_tostring},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    metatable_push(L, SEMAPHORE_TYPE, metamethods);
    lua_pop(L, 1);
    metatable_add_methods(L, SEMAPHORE_TYPE, methods);
}
