/*
 * scope: the functions deadline and is_canceled, and the scopes of timeout,
 * within and shield as userdata.
 *
 * Functions named sockeye_* are the module's or primitives, scope_* methods of a
 * scope.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "loop/scope.h"
#include "open.h"
#include "task/outside.h"
#include "task/task.h"
#include "task/turn.h"

#define SCOPE_TYPE "sockeye.Scope"

/* User values keep the coroutine that opened it alive, and the name of the
 * function that has set the limit. */
struct opened {
    struct opened_scope scope;
    int64_t duration;
    const char *whose;
    bool is_open;
};

/* ---- what holds for the caller ---- */

/*** Return whether a value is one's own cancellation: the error of a call around
which a scope is over, while it is.
@function is_canceled
@param err anything
@treturn boolean false for the same error elsewhere, or later
@usage
local ok, err = pcall(conn.read, conn, "l")
if not ok and sockeye.is_canceled(err) then error(err, 0) end
*/
static int sockeye_is_canceled(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, error_is_canceled(L, 1) && outside_caller_is_over(L));
    return 1;
}

/*** Return how long the code that asks has before a deadline around it comes.
@function deadline
@treturn ?number seconds, 0 if it has come; nil if there is none
*/
static int sockeye_deadline(lua_State *L)
{
    int64_t limit = outside_caller_limit(L);
    int64_t now = clock_now();

    if (limit != NO_DEADLINE)
        limit = limit > now ? limit - now : 0;
    clock_push_seconds(L, limit);
    return 1;
}

/* ---- to open and to leave ---- */

static int open_scope(lua_State *L, enum scope_kind kind, const char *whose)
{
    struct task *t = task_running(L);
    int64_t seconds;
    struct opened *o;

    lua_settop(L, 2);
    seconds = clock_check_number(L, 1);
    whose = luaL_optstring(L, 2, whose);
    o = lua_newuserdatauv(L, sizeof *o, 2);
    *o = (struct opened){.is_open = true, .duration = seconds, .whose = whose};
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 2);
    scope_init(&o->scope, kind, L, clock_after(seconds));
    o->scope.base.canceled = seconds == 0;
    lua_pushthread(L);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, SCOPE_TYPE);
    if (t == NULL)
        scope_enter_outside(&o->scope.base, outside_list(L));
    else if (t->top == L)
        scope_enter(t, &o->scope.base);
    lua_pushboolean(L, t != NULL ? t->co == L : L == interrupt_main_thread(L));
    return 2;
}

/* open_deadline(seconds [, whose]), open_shield(seconds [, whose]): opens a scope,
 * in force until it is closed; its error names the function `whose`. In a coroutine that cannot wait, it binds nobody. Returns also
 * whether an error that ends the coroutine closes its variables: that of a
 * script's own stays as it is. */
static int sockeye_open_deadline(lua_State *L)
{
    return open_scope(L, SCOPE_DEADLINE, "timeout");
}

static int sockeye_open_shield(lua_State *L)
{
    return open_scope(L, SCOPE_SHIELD, "shield");
}

static void leave(struct opened *o)
{
    if (o->is_open)
        scope_leave(&o->scope.base);
    o->is_open = false;
}

static struct opened *check_scope(lua_State *L)
{
    return luaL_checkudata(L, 1, SCOPE_TYPE);
}

/* Whether a scope further out is over. */
static bool outer_is_over(lua_State *L, const struct opened *o, int64_t now)
{
    if (o->scope.base.kind == SCOPE_SHIELD)
        return false;
    if (o->scope.list != NULL)
        return outside_limit_around(L, &o->scope.base) <= now;
    return scope_is_over(o->scope.base.outer, now);
}

/* Whether the error at index 2, which leaves the scope, is how its own deadline
 * ends it. */
static bool ends_by_itself(lua_State *L, const struct opened *o)
{
    int64_t now = clock_now();

    return o->is_open && o->scope.deadline <= now && error_is_canceled(L, 2) &&
           !outer_is_over(L, o, now);
}

/* Leave the scope with the error at index 2. Returns whether its own deadline
 * has ended it: then a time-out is on top, in place of the cancellation. */
static bool leave_with(lua_State *L)
{
    struct opened *o = check_scope(L);
    bool ends;

    lua_settop(L, 2);
    ends = ends_by_itself(L, o);
    leave(o);
    if (ends)
        error_push_as_timeout(L, 2, o->duration, o->whose);
    return ends;
}

/* leave(scope, err): leaves the scope. Returns the error to raise, and whether
 * it is the end of its own deadline. */
static int sockeye_leave(lua_State *L)
{
    bool ends = leave_with(L);

    lua_pushboolean(L, ends);
    return 2;
}

static int scope_close(lua_State *L)
{
    return leave_with(L) ? lua_error(L) : 0;
}

static int scope_gc(lua_State *L)
{
    leave(check_scope(L));
    return 0;
}

void open_scopes(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"deadline", sockeye_deadline},
        {"is_canceled", sockeye_is_canceled},
        {NULL, NULL},
    };
    static const luaL_Reg primitives[] = {
        {"leave", sockeye_leave},
        {"open_deadline", sockeye_open_deadline},
        {"open_shield", sockeye_open_shield},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", scope_close},
        {"__gc", scope_gc},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, primitives, 0);
    lua_pop(L, 1);
    metatable_push(L, SCOPE_TYPE, metamethods);
    lua_pop(L, 1);
}
