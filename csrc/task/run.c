/*
 * run: the loop as a script sees it: run to its end, or step by step inside
 * another loop.
 *
 * A loop is a userdata whose user value is the table of what it keeps alive
 * (task.h). Functions named sockeye_* are the module's, loop_* with a
 * lua_State alone are methods.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "open.h"
#include "task/task.h"
#include "task/turn.h"
#include "task/wait.h"

#define LOOP_TYPE "sockeye.Loop"
enum { LIVE = 1 };

struct runner {
    struct loop *loop; /* NULL: closed */
    bool turning;      /* it is being stepped */
    bool ended;        /* it is open still, for others may poll it */
};

/* ---- beginning and end ---- */

static bool check_poller(lua_State *L, int arg, const char *name)
{
    if (strcmp(name, "poll") == 0)
        return true;
    if (strcmp(name, "epoll") == 0)
        return false;
    lua_pushfstring(L, "unknown poller '%s': \"epoll\" or \"poll\"", name);
    if (arg == 0)
        return error_raise_misuse(L, lua_tostring(L, -1));
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* Take the options, where there are any, off the arguments. */
static bool take_options(lua_State *L)
{
    static const char *const names[] = {"poller", NULL};
    const char *name = getenv("SOCKEYE_POLLER");
    bool use_poll;
    int arg = 0;

    if (lua_istable(L, 1)) {
        check_fields(L, 1, names);
        if (lua_getfield(L, 1, "poller") != LUA_TNIL) {
            arg = 1;
            name = lua_tostring(L, -1);
            luaL_argcheck(L, name != NULL, 1, "poller must be a string");
        }
        luaL_checktype(L, 2, LUA_TFUNCTION);
    } else {
        luaL_checktype(L, 1, LUA_TFUNCTION);
    }
    use_poll = name != NULL && check_poller(L, arg, name);
    if (lua_istable(L, 1)) {
        lua_pop(L, 1);
        lua_remove(L, 1);
    }
    return use_poll;
}

/* Stack: the userdata, and above it what is the main function's. */
static void fill_runner(lua_State *L, struct runner *r)
{
    struct group *root;
    struct task *main;

    task_open_loop(L, r->loop);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, LIVE);
    root = task_group_new(L, r->loop, NULL);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, r->loop);
    lua_replace(L, -2);
    lua_insert(L, 2);
    main = task_spawn(L, 3, r->loop, root, 2);
    loop_set_main(r->loop, main);
    task_group_take(L, 2, main);
    lua_settop(L, 1);
}

/* Make a loop of the main function and its arguments; it comes first. */
static struct runner *new_runner(lua_State *L)
{
    bool use_poll = take_options(L);
    bool collected = false;
    struct runner *r;

    r = lua_newuserdatauv(L, sizeof *r, 1);
    *r = (struct runner){NULL, false, false};
    luaL_setmetatable(L, LOOP_TYPE);
    lua_insert(L, 1);
    do
        r->loop = loop_open(L, use_poll);
    while (r->loop == NULL && descriptor_collect(L, errno, &collected));
    if (r->loop == NULL)
        error_raise(L, "run", errno, 0);
    fill_runner(L, r);
    return r;
}

static void close_runner(lua_State *L, struct runner *r)
{
    struct loop *loop = r->loop;

    if (loop == NULL)
        return;
    r->loop = NULL;
    turn_abort(L, loop);
    loop_close(loop);
}

static int loop_gc(lua_State *L)
{
    struct runner *r = luaL_checkudata(L, 1, LOOP_TYPE);

    if (r->turning)
        return error_raise_misuse(L, "the loop is being stepped");
    close_runner(L, r);
    return 0;
}

/* All tasks have ended: what the main one returned, or the first error. After a
 * second deadlock some have not. The loop is at index 1. */
static int give_outcome(lua_State *L, struct runner *r)
{
    const struct task *main = loop_main(r->loop);
    const struct group *root;
    int count = lua_gettop(main->co);

    lua_getiuservalue(L, 1, LIVE);
    lua_rawgetp(L, -1, r->loop);
    root = lua_touserdata(L, -1);
    r->ended = true;
    if (root->failed)
        return task_group_raise(L, -1);
    lua_pop(L, 2);
    luaL_checkstack(L, count, "too many results");
    lua_xmove(main->co, L, count);
    return main->status == TASK_DONE ? count : lua_error(L);
}

/*** Run a function as the first task, until it and every other task have ended.
@function run
@tab[opt] options `poller`: `"epoll"` or `"poll"`; otherwise the environment's
SOCKEYE_POLLER, or epoll where there is one
@func main what the first task runs
@param ... arguments for `main`
@return what `main` returned
@raise the first error of a task that nobody joined; all others are cancelled
then. A deadlock, when every task waits for another, is an error that names
them; tasks that wait for each other all the same after they have been cancelled
are dropped, and what they have to close is closed.
@usage sockeye.run(function() … end)
*/
static int sockeye_run(lua_State *L)
{
    struct runner *r;

    if (task_running(L) != NULL)
        return error_raise_misuse(
            L, "run: inside a task already; use group or loop");
    r = new_runner(L);
    lua_toclose(L, 1);
    while (turn_once(L, r->loop, NO_DEADLINE, true))
        ;
    return give_outcome(L, r);
}

/*** What every task is doing.
@function tasks
@treturn table a list of tables: `task`, `status`, `call` (what it waits in),
`where` (`"script.lua:12"`); empty outside of `run`
*/
static int sockeye_tasks(lua_State *L)
{
    const struct task *self = task_running(L);
    lua_Integer count = 0;

    lua_newtable(L);
    for (const struct task *t = self ? loop_first(self->loop) : NULL; t != NULL;
         t = t->next) {
        lua_createtable(L, 0, 4);
        task_push(L, t);
        lua_getfield(L, -1, "status");
        lua_pushvalue(L, -2);
        lua_call(L, 1, 1);
        lua_setfield(L, -3, "status");
        lua_setfield(L, -2, "task");
        lua_pushstring(L, t->status == TASK_WAITING ? t->call : NULL);
        lua_setfield(L, -2, "call");
        error_push_place(L, t->top);
        lua_setfield(L, -2, "where");
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* ---- inside another loop ---- */

/*** A loop to be turned step by step, inside another one.
@function loop
@tab[opt] options as for `run`
@func main what the first task runs
@param ... arguments for `main`
@treturn Loop
@usage
local loop = sockeye.loop(main)
while loop:step() do other.wait(loop:pollfd(), loop:timeout()) end
*/
static int sockeye_loop(lua_State *L)
{
    new_runner(L);
    return 1;
}

static struct runner *check_runner(lua_State *L)
{
    struct runner *r = luaL_checkudata(L, 1, LOOP_TYPE);

    if (r->loop == NULL)
        error_raise_misuse(L, "the loop has ended");
    return r;
}

struct turn {
    struct loop *loop;
    int64_t deadline;
    bool is_last;
};

static int make_turn(lua_State *L)
{
    struct turn *turn = lua_touserdata(L, 1);

    turn->is_last = !turn_once(L, turn->loop, turn->deadline, false);
    return 0;
}

/* Whether there are tasks left. An error that is raised here, for want of
 * memory, ends the loop. */
static bool turn_runner(lua_State *L, struct runner *r, int64_t deadline)
{
    struct turn turn = {r->loop, deadline, false};
    int status;

    if (r->turning)
        error_raise_misuse(L, "the loop is being stepped");
    if (r->ended)
        error_raise_misuse(L, "the loop has ended");
    lua_pushcfunction(L, make_turn);
    lua_pushlightuserdata(L, &turn);
    r->turning = true;
    status = lua_pcall(L, 1, 0, 0);
    r->turning = false;
    if (status != LUA_OK) {
        close_runner(L, r);
        lua_error(L);
    }
    return !turn.is_last;
}

/*** Let every task that is ready run until it waits, and look for changes.
@function Loop:step
@number[opt=0] seconds how long to wait for changes when none is ready
@treturn boolean true while there are tasks; then false, followed by what the
main one returned. Its descriptor stays open until the loop is closed or
collected.
@raise as `run`, but no deadlock: who steps the loop may wake a task
*/
static int loop_step(lua_State *L)
{
    struct runner *r = check_runner(L);
    int64_t seconds = lua_isnoneornil(L, 2) ? 0 : clock_check_seconds(L, 2);

    lua_settop(L, 1);
    if (turn_runner(L, r, wait_deadline(seconds))) {
        lua_pushboolean(L, true);
        return 1;
    }
    lua_pushboolean(L, false);
    return 1 + give_outcome(L, r);
}

/*** The descriptor that is readable when the loop has something to do.
@function Loop:pollfd
@treturn ?int nil with the poller `"poll"`, which has none
*/
static int loop_pollfd(lua_State *L)
{
    int fd = loop_descriptor(check_runner(L)->loop);

    if (fd == -1)
        lua_pushnil(L);
    else
        lua_pushinteger(L, fd);
    return 1;
}

/*** What to wait for at `pollfd`.
@function Loop:events
@treturn string `"r"`
*/
static int loop_events(lua_State *L)
{
    check_runner(L);
    lua_pushliteral(L, "r");
    return 1;
}

/*** How long the loop can do without a step.
@function Loop:timeout
@treturn ?number seconds; nil: until `pollfd` is readable
*/
static int loop_timeout(lua_State *L)
{
    int64_t deadline = loop_deadline(check_runner(L)->loop);
    int64_t now = clock_now();

    if (deadline != NO_DEADLINE)
        deadline = deadline > now ? deadline - now : 0;
    clock_push_seconds(L, deadline);
    return 1;
}

/*** End every task now, without their errors.
Their `<close>` variables are closed, and nothing there can wait any more.
@function Loop:close
@raise where the loop is being stepped
*/
static int loop_close_method(lua_State *L)
{
    return loop_gc(L);
}

void open_run(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"loop", sockeye_loop},
        {"run", sockeye_run},
        {"tasks", sockeye_tasks},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"close", loop_close_method}, {"events", loop_events},
        {"pollfd", loop_pollfd},      {"step", loop_step},
        {"timeout", loop_timeout},    {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    luaL_newmetatable(L, LOOP_TYPE);
    lua_pushcfunction(L, loop_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, loop_gc);
    lua_setfield(L, -2, "__close");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
