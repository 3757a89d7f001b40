/*
 * run: the functions run and loop, which run tasks to their end or step by step
 * inside another loop.
 *
 * A loop is a userdata whose user value is the table of the tasks that it keeps
 * alive (task.h). Functions named sockeye_* are the module's; loop_*, if their
 * only parameter is a lua_State, are methods.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/interrupt.h"
#include "base/metatable.h"
#include "base/quote.h"
#include "base/stderr.h"
#include "base/text.h"
#include "open.h"
#include "task/describe.h"
#include "task/group.h"
#include "task/live.h"
#include "task/loops.h"
#include "task/outside.h"
#include "task/task.h"
#include "task/turn.h"
#include "task/wait.h"

#define LOOP_TYPE "sockeye.Loop"
enum { LIVE = 1 };

/* Lua's pcall and xpcall. */
static _Atomic(lua_CFunction) protected_call[2];

struct runner {
    struct loop *loop; /* NULL: closed */
    bool turning;      /* a step is running */
    bool ended; /* its tasks have ended, but another loop may still poll it */
};

/* ---- beginning and end ---- */

static bool check_poller(lua_State *L, int arg, const char *name, size_t length)
{
    struct quote quote;

    if (text_is_name(name, length, "poll"))
        return true;
    if (text_is_name(name, length, "epoll"))
        return false;
    lua_pushfstring(L, "unknown poller '%s': \"epoll\" or \"poll\"",
                    quote_text(&quote, name, length));
    if (arg == 0)
        return error_raise_misuse(L, lua_tostring(L, -1));
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* Remove the table of options, if any, from the arguments. Returns whether to
 * use poll(2). */
static bool take_options(lua_State *L)
{
    static const char *const names[] = {"poller", NULL};
    const char *name = getenv("SOCKEYE_POLLER");
    size_t length = name != NULL ? strlen(name) : 0;
    bool use_poll;
    int arg = 0;

    if (lua_istable(L, 1)) {
        check_fields(L, 1, names);
        if (lua_getfield(L, 1, "poller") != LUA_TNIL) {
            arg = 1;
            name = lua_tolstring(L, -1, &length);
            luaL_argcheck(L, name != NULL, 1, "poller must be a string");
        }
        luaL_checktype(L, 2, LUA_TFUNCTION);
    } else {
        luaL_checktype(L, 1, LUA_TFUNCTION);
    }
    use_poll = name != NULL && check_poller(L, arg, name, length);
    if (lua_istable(L, 1)) {
        lua_pop(L, 1);
        lua_remove(L, 1);
    }
    return use_poll;
}

/* Create the root group and the main task. Stack: the userdata, the main
 * function, its arguments. */
static void fill_runner(lua_State *L, struct runner *r, int64_t deadline)
{
    int count = lua_gettop(L) - 1;
    struct group *root;
    struct task *main;

    task_open_loop(L, r->loop);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, LIVE);
    root = group_new(L, r->loop, NULL, deadline);
    root->state = GROUP_FINISHING;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, r->loop);
    main = task_spawn(L, 2, count, root);
    loop_set_main(r->loop, main);
    task_push_live(L, r->loop);
    lua_rawgetp(L, -1, r->loop);
    lua_rawgetp(L, -2, main);
    group_set_owner(L, -2, main);
    lua_settop(L, 1);
}

/* Create a loop from the main function and its arguments, and push it below
 * them. */
static struct runner *new_runner(lua_State *L)
{
    bool use_poll = take_options(L);
    bool collected = false;
    int64_t deadline = outside_caller_limit(L);
    struct runner *r;

    r = lua_newuserdatauv(L, sizeof *r, 1);
    *r = (struct runner){NULL, false, false};
    luaL_setmetatable(L, LOOP_TYPE);
    lua_insert(L, 1);
    do
        r->loop = loop_open(L, task_loops(L), use_poll);
    while (r->loop == NULL && descriptor_collect(L, errno, &collected));
    if (r->loop == NULL)
        error_raise(L, "run", errno, 0);
    fill_runner(L, r, deadline);
    return r;
}

/* The runner is at index 1. */
static void close_runner(lua_State *L, struct runner *r)
{
    struct loop *loop = r->loop;

    if (loop == NULL)
        return;
    lua_getiuservalue(L, 1, LIVE);
    task_keep_loop(L, loop);
    lua_pop(L, 1);
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

/* Whether no pcall or xpcall lies below: the error ends the program. */
static bool is_uncaught(lua_State *L)
{
    lua_Debug frame;

    if (L != interrupt_main_thread(L))
        return false;
    for (int level = 0; lua_getstack(L, level, &frame); level++) {
        lua_CFunction f;

        lua_getinfo(L, "f", &frame);
        f = lua_tocfunction(L, -1);
        lua_pop(L, 1);
        if (f != NULL && (f == protected_call[0] || f == protected_call[1]))
            return false;
    }
    return true;
}

/* Where nothing catches the error of the group on top, write the traceback of its
 * task: that of the program's end shows no tasks. */
static void write_traceback(lua_State *L)
{
    size_t length;
    const char *text;

    group_push_traceback(L, -1);
    if (lua_isstring(L, -1) && is_uncaught(L)) {
        lua_pushliteral(L, "\n");
        lua_concat(L, 2);
        text = lua_tolstring(L, -1, &length);
        stderr_write(text, length);
    }
    lua_pop(L, 1);
}

/* Push the results of the main task, or raise the first error, when all tasks
 * have ended or, after a second deadlock, some cannot. The loop is at index
 * 1. */
static int push_outcome(lua_State *L, struct runner *r)
{
    const struct task *main = loop_main(r->loop);
    const struct group *root;
    int count = lua_gettop(main->co);

    lua_getiuservalue(L, 1, LIVE);
    lua_rawgetp(L, -1, r->loop);
    root = lua_touserdata(L, -1);
    r->ended = true;
    if (root->failed) {
        write_traceback(L);
        group_push_failure(L, -1);
        return lua_error(L);
    }
    lua_pop(L, 2);
    if (main->status == TASK_KILLED)
        return error_raise(L, "run", ECANCELED, 0);
    luaL_checkstack(L, count, "too many results");
    lua_xmove(main->co, L, count);
    return main->status == TASK_DONE ? count : lua_error(L);
}

/*** Run a function as the main task, until it and every other task have ended.
@function run
@tab[opt] options `poller`: `"epoll"` or `"poll"`; otherwise the environment
variable SOCKEYE_POLLER, or epoll if the system has it
@func main the function that the main task runs
@param ... arguments for `main`
@return the results of `main`
@raise the first error of a task that no other task joined; the others are
cancelled then. A deadlock, in which every task waits for another, is an error
that names them; tasks that still wait for each other after they were cancelled
are dropped, and their `<close>` variables are closed.
@usage sockeye.run(function() … end)
*/
static int sockeye_run(lua_State *L)
{
    struct runner *r;

    interrupt_find_thread(L);
    if (task_running(L) != NULL)
        return error_raise_misuse(
            L, "run: inside a task already; use group or loop");
    r = new_runner(L);
    lua_toclose(L, 1);
    while (turn_once(L, r->loop, NO_DEADLINE, true))
        ;
    return push_outcome(L, r);
}

/* ---- inside another loop ---- */

/*** Create a loop that is run step by step, inside another loop.
@function loop
@tab[opt] options as for `run`
@func main the function that the main task runs
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
    loop_own(r->loop);
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

/* Run one turn. Returns whether there are tasks left. An error that the turn
 * itself raises, for lack of memory, ends the loop. */
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

/* Stack: the loop, the seconds or nil. A task that steps a loop keeps the others
 * of its own loop from running meanwhile: they have their turns in between. */
static int step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"step", 0, step};
    struct runner *r = check_runner(L);
    int64_t seconds = lua_isnil(L, 2) ? 0 : clock_check_seconds(L, 2);
    int64_t deadline = clock_after(seconds);
    int64_t limit = outside_caller_limit(L);
    struct task *t = task_running(L);
    bool goes_on;

    (void)status;
    wait_turn(L, &call, context);
    if (outside_caller_is_over(L))
        return error_raise_canceled(L, "step", 0);
    goes_on = turn_runner(L, r, deadline < limit ? deadline : limit);
    if (t != NULL && seconds > 0)
        t->budget = 0;
    lua_settop(L, 1);
    lua_pushboolean(L, goes_on);
    return goes_on ? 1 : 1 + push_outcome(L, r);
}

/*** Let every task that is ready run until it waits, and poll for events.
@function Loop:step
@number[opt=0] seconds how long to wait for events if no task is ready. In a
task, the other tasks of its loop do not run meanwhile: wait for `pollfd` there
@treturn boolean true while there are tasks; then false, followed by the results
of `main`. The loop's descriptor stays open until the loop is closed or
collected.
@raise as `run`, but no deadlock: the caller may still wake a task; ECANCELED
with `canceled`, before anything runs, if a scope around the caller's code is
over
*/
static int loop_step(lua_State *L)
{
    check_runner(L);
    if (!lua_isnoneornil(L, 2))
        clock_check_seconds(L, 2);
    lua_settop(L, 2);
    interrupt_find_thread(L);
    return step(L, LUA_OK, WAIT_FIRST);
}

/*** Return the descriptor that is readable when the loop has something to do.
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

/*** Return the events to wait for on `pollfd`.
@function Loop:events
@treturn string `"r"`
*/
static int loop_events(lua_State *L)
{
    check_runner(L);
    lua_pushliteral(L, "r");
    return 1;
}

/*** Return how long the loop needs no step.
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
Their `<close>` variables are closed, but cannot wait any more.
@function Loop:close
@raise an error while the loop is being stepped
*/
static int loop_close_method(lua_State *L)
{
    return loop_gc(L);
}

static int loop_tostring(lua_State *L)
{
    const struct runner *r = luaL_checkudata(L, 1, LOOP_TYPE);

    describe_push_loop(L, r->loop);
    return 1;
}

void open_run(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"loop", sockeye_loop},
        {"run", sockeye_run},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"close", loop_close_method}, {"events", loop_events},
        {"pollfd", loop_pollfd},      {"step", loop_step},
        {"timeout", loop_timeout},    {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", loop_gc},
        {"__gc", loop_gc},
        {"__tostring", loop_tostring},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    lua_getglobal(L, "pcall");
    lua_getglobal(L, "xpcall");
    protected_call[0] = lua_tocfunction(L, -2);
    protected_call[1] = lua_tocfunction(L, -1);
    lua_pop(L, 2);
    metatable_push(L, LOOP_TYPE, metamethods);
    lua_pop(L, 1);
    metatable_add_methods(L, LOOP_TYPE, methods);
}
