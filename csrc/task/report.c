/*
 * report: errors that no task can raise any more; see report.h.
 */
#include <string.h>

#include "base/argument.h"
#include "base/stderr.h"
#include "loop/running.h"
#include "loop/state.h"
#include "task/live.h"
#include "task/report.h"
#include "task/traceback.h"

static const char reporter_key = 'r';

void report_set(lua_State *L, const struct loop *loop)
{
    task_hold(L, loop, &reporter_key);
}

void report_set_own(lua_State *L, struct task *t)
{
    task_hold(L, t->loop, &t->reports);
    t->reports = true;
}

void report_forget_own(lua_State *L, struct task *t)
{
    t->reports = false;
    lua_pushnil(L);
    lua_rawsetp(L, -2, &t->reports);
}

static const struct task *owner_of(const struct task *t)
{
    return t != NULL ? t->group->owner : NULL;
}

/* Return what the reporter for t has as its key: that of the innermost task with
 * one of its own, or of the loop. Tasks that end each other's groups are in a
 * circle, which `behind` meets. */
static const void *find_key(const struct task *t)
{
    const struct task *behind = t;
    bool moves = false;

    while (t != NULL && !t->reports) {
        t = owner_of(t);
        if (moves)
            behind = owner_of(behind);
        moves = !moves;
        if (t == behind)
            return &reporter_key;
    }
    return t != NULL ? (const void *)&t->reports : &reporter_key;
}

/* The arguments of the functions below. The last is the key of the reporter at
 * first. */
enum { PROBLEM = 1, POINTER, TASK, REPORTER };

static int push_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* Push a line for the value at `index`, whatever its metamethods do. */
static void push_line(lua_State *L, const char *what, int index)
{
    index = lua_absindex(L, index);
    lua_pushfstring(L, "%s: ", what);
    lua_pushcfunction(L, push_text);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        lua_pop(L, 1);
        lua_pushfstring(L, "(error object is a %s value)",
                        luaL_typename(L, index));
    }
    lua_pushliteral(L, "\n");
    lua_concat(L, 3);
}

/* Push where the problem comes from, as its task has noted it; or nil. */
static void push_traceback(lua_State *L)
{
    if (lua_isnil(L, TASK))
        lua_pushnil(L);
    else
        traceback_push_of(L, TASK, PROBLEM);
}

/* Push what is to be written about the problem. A traceback without frames is
 * only a heading. */
static void push_problem(lua_State *L)
{
    push_line(L, "task failed", PROBLEM);
    push_traceback(L);
    if (lua_isstring(L, -1) && strchr(lua_tostring(L, -1), '\n') != NULL) {
        lua_pushliteral(L, "\n");
        lua_concat(L, 3);
    } else {
        lua_pop(L, 1);
    }
}

static void write_top(lua_State *L)
{
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);

    stderr_write(text, length);
}

/* Call the reporter in a coroutine of its own, in which it cannot wait. Returns
 * whether it failed; its error is on top then. */
static bool call_reporter(lua_State *L)
{
    struct task *t = lua_touserdata(L, POINTER);
    struct task *before = loop_running();
    lua_State *top = t->top;
    lua_State *co = lua_newthread(L);
    int status;

    lua_pushvalue(L, REPORTER);
    lua_pushvalue(L, PROBLEM);
    lua_pushvalue(L, TASK);
    push_traceback(L);
    lua_xmove(L, co, 4);
    t->top = NULL;
    loop_set_running(t);
    status = lua_pcall(co, 3, 0, 0);
    loop_set_running(before);
    t->top = top;
    if (status == LUA_OK)
        return false;
    lua_xmove(co, L, 1);
    return true;
}

static int report(lua_State *L)
{
    const struct task *t = lua_touserdata(L, POINTER);

    task_push_live(L, t->loop);
    lua_rawgetp(L, -1, lua_touserdata(L, REPORTER));
    lua_replace(L, REPORTER);
    if (lua_isnil(L, REPORTER)) {
        push_problem(L);
        write_top(L);
    } else if (call_reporter(L)) {
        push_problem(L);
        push_line(L, "on_error failed", -2);
        lua_concat(L, 2);
        write_top(L);
    }
    return 0;
}

static void report_to(lua_State *L, struct task *t, const void *key)
{
    static const char starved[] =
        "task failed: not enough memory to report why\n";

    lua_pushcfunction(L, report);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, t);
    task_push(L, t);
    lua_pushlightuserdata(L, (void *)key);
    if (lua_pcall(L, 4, 0, 0) == LUA_OK)
        return;
    lua_pop(L, 1);
    stderr_write(starved, sizeof starved - 1);
}

void report_error(lua_State *L, struct task *t)
{
    report_to(L, t, find_key(t));
}

void report_to_loop(lua_State *L, struct task *t)
{
    report_to(L, t, &reporter_key);
}
