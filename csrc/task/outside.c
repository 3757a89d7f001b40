/*
 * outside: the deadlines in force outside of tasks; see outside.h.
 */

#include "base/argument.h"
#include "base/clock.h"
#include "loop/running.h"
#include "loop/scope.h"
#include "open.h"
#include "task/outside.h"
#include "task/task.h"

#define BUDGET 64 /* calls between two looks at the clock */

/* The deadlines of a state; a userdata in its registry. */
struct deadlines {
    struct scope *first;
    int budget; /* calls until the next look at the clock */
};

static const char list_key = 'd';

static struct deadlines *find_list(lua_State *L)
{
    struct deadlines *list;

    luaL_checkstack(L, 1, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key);
    list = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return list;
}

struct scope **outside_list(lua_State *L)
{
    struct deadlines *list = find_list(L);

    list->budget = 0;
    return &list->first;
}

/* A coroutine that has yielded, or failed, takes its deadlines along. */
static bool is_in_force(const struct scope *s)
{
    return lua_status(scope_opened(s)->opener) == LUA_OK;
}

/* The earliest deadline in force, from `s` to the first shield; or `limit`. */
static int64_t earliest(const struct scope *s, int64_t limit)
{
    for (; s != NULL; s = s->outer) {
        if (!is_in_force(s))
            continue;
        if (s->canceled)
            return 0;
        if (scope_deadline(s) < limit)
            limit = scope_deadline(s);
        if (s->kind == SCOPE_SHIELD)
            break;
    }
    return limit;
}

int64_t outside_limit(lua_State *L, int64_t own)
{
    if (!running_has_deadlines())
        return own;
    return earliest(find_list(L)->first, own);
}

int64_t outside_limit_around(lua_State *L, const struct scope *scope)
{
    (void)L;
    return earliest(scope->outer, NO_DEADLINE);
}

bool outside_is_over(lua_State *L)
{
    struct deadlines *list = find_list(L);
    int64_t limit;

    if (list->budget-- > 0)
        return false;
    limit = outside_limit(L, NO_DEADLINE);
    if (limit == NO_DEADLINE || limit > clock_now()) {
        list->budget = BUDGET;
        return false;
    }
    list->budget = 0;
    return true;
}

/* ---- in a task, and outside ---- */

int64_t outside_caller_limit(lua_State *L)
{
    const struct task *t = task_running(L);

    return t != NULL ? t->scope_limit : outside_limit(L, NO_DEADLINE);
}

bool outside_caller_is_over(lua_State *L)
{
    struct task *t = task_running(L);

    if (t == NULL)
        return outside_limit(L, NO_DEADLINE) <= clock_now();
    if (t->scope_limit != NO_DEADLINE)
        loop_look_at_clock(t->loop);
    return task_interruption(t, false) != 0;
}

void open_outside(lua_State *L)
{
    struct deadlines *list;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key) == LUA_TNIL) {
        list = lua_newuserdatauv(L, sizeof *list, 0);
        *list = (struct deadlines){NULL, BUDGET};
        lua_rawsetp(L, LUA_REGISTRYINDEX, &list_key);
    }
    lua_pop(L, 1);
}
