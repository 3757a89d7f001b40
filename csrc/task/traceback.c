/*
 * traceback: where the error of a task was raised; see traceback.h.
 */
#include <string.h>

#include "base/argument.h"
#include "base/error.h"
#include "loop/running.h"
#include "loop/state.h"
#include "open.h"
#include "task/live.h"
#include "task/traceback.h"

/* ---- the script's frames ---- */

enum line { OF_SCRIPT, OF_LIBRARY, OF_C, TAIL_CALL, NO_FRAME };

/* What the line of a traceback at `text` shows. */
static enum line classify(lua_State *L, const char *text)
{
    if (*text != '\t')
        return NO_FRAME;
    text++;
    if (strncmp(text, "[C]: ", 5) == 0)
        return OF_C;
    if (strncmp(text, "(...tail", 8) == 0)
        return TAIL_CALL;
    if (strncmp(text, "...", 3) == 0 && (text[3] == '\t' || text[3] == '\n'))
        return NO_FRAME;
    return error_library_place(L, text) > 0 ? OF_LIBRARY : OF_SCRIPT;
}

static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');

    return end != NULL ? end + 1 : text + strlen(text);
}

/* Whether the C function at `text`, and those around it, are the library's: it
 * has called them, or they are what lies below a whole task. */
static bool is_c_of_library(lua_State *L, const char *text)
{
    static const char bottom[] = "\t[C]: in ?";
    enum line kind;

    if (strcmp(text, bottom) == 0)
        return true;
    do
        text = next_line(text);
    while ((kind = classify(L, text)) == OF_C && strcmp(text, bottom) != 0);
    return kind == OF_LIBRARY;
}

/* Replace the traceback on top by one without the frames of the library: those
 * of its files, and of C functions that these have called. */
static void trim(lua_State *L)
{
    const char *text = lua_tostring(L, -1);
    bool kept = true;
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    while (*text != 0) {
        const char *end = next_line(text);
        enum line kind = classify(L, text);

        if (kind == OF_C)
            kept = !is_c_of_library(L, text);
        else if (kind != TAIL_CALL)
            kept = kind != OF_LIBRARY;
        if (kept)
            luaL_addlstring(&b, text, (size_t)(end - text));
        text = end;
    }
    luaL_pushresult(&b);
    lua_remove(L, -2);
}

/* Without a last line feed, as luaL_traceback makes them. */
static void chop(lua_State *L)
{
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);

    if (length == 0 || text[length - 1] != '\n')
        return;
    lua_pushlstring(L, text, length - 1);
    lua_remove(L, -2);
}

void traceback_push(lua_State *L, lua_State *co, int level)
{
    luaL_traceback(L, co, NULL, level);
    trim(L);
    chop(L);
}

/* ---- where an error comes from ---- */

/* What a task keeps of an error on its way, its user value TASK_TRACEBACK: a
 * table of the error, its traceback, and the coroutine of that; of an error of a
 * group none. */
enum { ORIGIN_ERROR = 1, ORIGIN_TEXT, ORIGIN_COROUTINE };

/* Whether the traceback at index `inner` goes on as the one at index `outer`
 * does, which begins where the error was raised again. */
static bool goes_on(lua_State *L, int inner, int outer)
{
    size_t size, rest;
    const char *text = lua_tolstring(L, inner, &size);
    const char *end = lua_tolstring(L, outer, &rest);
    const char *first = strchr(end, '\n');

    if (first == NULL)
        return true;
    rest -= (size_t)(first - end);
    return rest <= size && memcmp(text + size - rest, first, rest) == 0;
}

/* Otherwise the traceback is only a heading. */
static bool has_frames(lua_State *L, int index)
{
    return strchr(lua_tostring(L, index), '\n') != NULL;
}

/* The error at index 1, whose traceback is at index 2, leaves a part of a task,
 * which is on top. If it has come from further in, put the traceback from there
 * on at index 2. Pops the task. */
static void add_origin(lua_State *L)
{
    int top = lua_gettop(L);

    if (lua_getiuservalue(L, top, TASK_TRACEBACK) == LUA_TTABLE) {
        const char *joint = "in the group of";

        lua_rawgeti(L, -1, ORIGIN_ERROR);
        lua_rawgeti(L, -2, ORIGIN_TEXT);
        if (lua_rawgeti(L, -3, ORIGIN_COROUTINE) == LUA_TTHREAD)
            joint = "in the coroutine of";
        if (!lua_rawequal(L, 1, -3) || !lua_isstring(L, -2)) {
            /* another error */
        } else if (lua_tothread(L, -1) != L && has_frames(L, 2)) {
            lua_pushfstring(L, "%s\n%s:\n%s", lua_tostring(L, -2), joint,
                            lua_tostring(L, 2));
            lua_replace(L, 2);
        } else if (error_is(L, 1) || goes_on(L, -2, 2)) {
            lua_pushvalue(L, -2);
            lua_replace(L, 2);
        }
    }
    lua_settop(L, top - 1);
}

void traceback_push_of(lua_State *L, int index, int error)
{
    if (lua_getiuservalue(L, index, TASK_TRACEBACK) != LUA_TTABLE)
        return;
    lua_rawgeti(L, -1, ORIGIN_TEXT);
    lua_rawgeti(L, -2, ORIGIN_ERROR);
    if (!lua_rawequal(L, -1, error)) {
        lua_pushnil(L);
        lua_replace(L, -3);
    }
    lua_pop(L, 1);
    lua_replace(L, -2);
}

static void keep_in_task(lua_State *L)
{
    lua_pushvalue(L, -1);
    add_origin(L);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, TASK_TRACEBACK);
    lua_pop(L, 1);
}

/* Keep the error at index 1, in case the task is killed before it has failed: a
 * `<close>` variable may wait. */
static void keep_error(lua_State *L, const struct task *t)
{
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    task_hold(L, t->loop, &t->failed);
}

bool traceback_push_error(lua_State *L, const struct task *t)
{
    bool any;

    task_push_live(L, t->loop);
    any = lua_rawgetp(L, -1, &t->failed) == LUA_TTABLE;
    lua_remove(L, -2);
    if (any) {
        lua_rawgeti(L, -1, 1);
        lua_remove(L, -2);
    }
    return any;
}

void traceback_forget_error(lua_State *L, const struct task *t)
{
    task_release(L, t->loop, &t->failed);
}

static int note_traceback(lua_State *L)
{
    const struct task *t = loop_running();

    traceback_push(L, L, 2);
    if (t != NULL && t->co == L) {
        task_push(L, t);
        keep_in_task(L);
        keep_error(L, t);
    }
    if (error_is(L, 1)) {
        lua_pushliteral(L, "traceback");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) == LUA_TNIL) {
            lua_pushvalue(L, 2);
            lua_replace(L, -2);
            lua_rawset(L, 1);
        }
    }
    return 0;
}

/* Keep the traceback of the error at index 1 in the task, in case the function
 * of the library raises it again that has caught it. */
static int note_origin(lua_State *L)
{
    const struct task *t = loop_running();

    if (t == NULL || t->top != L || error_is_canceled(L, 1))
        return 0;
    traceback_push(L, L, 2);
    task_push(L, t);
    lua_pushvalue(L, -1);
    add_origin(L);
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, ORIGIN_ERROR);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, ORIGIN_TEXT);
    lua_pushthread(L);
    lua_rawseti(L, -2, ORIGIN_COROUTINE);
    lua_setiuservalue(L, -2, TASK_TRACEBACK);
    return 0;
}

/* Lua's error and assert. */
static _Atomic(lua_CFunction) raisers[2];

/* For the message handler that runs: whether a script has raised the error by one
 * of these, as it is to be. */
static bool is_meant_so(lua_State *L)
{
    lua_CFunction f;
    lua_Debug ar;

    if (!lua_getstack(L, 1, &ar))
        return false;
    lua_getinfo(L, "f", &ar);
    f = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    return f != NULL && (f == raisers[0] || f == raisers[1]);
}

static int mend(lua_State *L)
{
    error_mend_place(L);
    return 1;
}

/* Run `note` on the error, and return the error with the script's line. Without
 * memory for that, the error is what it was. */
static int handle(lua_State *L, lua_CFunction note)
{
    lua_settop(L, 1);
    if (!is_meant_so(L)) {
        lua_pushcfunction(L, mend);
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK)
            lua_replace(L, 1);
        lua_settop(L, 1);
    }
    lua_pushcfunction(L, note);
    lua_pushvalue(L, 1);
    lua_pcall(L, 1, 0, 0);
    lua_settop(L, 1);
    return 1;
}

/* The task's message handler. */
int traceback_keep(lua_State *L)
{
    return handle(L, note_traceback);
}

/* catch_origin(err): that of the functions of the library which raise the errors
 * of a script's functions again. */
static int sockeye_catch_origin(lua_State *L)
{
    return handle(L, note_origin);
}

/* Return what `explain` does. If the library has ended a group for a task, the
 * error may come from there. */
static int explain(lua_State *L, const struct task *ended)
{
    lua_settop(L, 1);
    if (!is_meant_so(L))
        error_mend_place(L);
    traceback_push(L, L, 1);
    if (ended != NULL) {
        task_push(L, ended);
        add_origin(L);
    }
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "err");
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "traceback");
    return 1;
}

/* explain(err): a message handler, too. Returns a table of `err`, and of
 * `traceback`. */
static int sockeye_explain(lua_State *L)
{
    return explain(L, NULL);
}

/* explain_group(err): the same, for an error of finish_group. */
static int sockeye_explain_group(lua_State *L)
{
    return explain(L, loop_running());
}

void open_traceback(lua_State *L)
{
    static const luaL_Reg primitives[] = {
        {"catch_origin", sockeye_catch_origin},
        {"explain", sockeye_explain},
        {"explain_group", sockeye_explain_group},
        {NULL, NULL},
    };

    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, primitives, 0);
    lua_getglobal(L, "error");
    lua_getglobal(L, "assert");
    raisers[0] = lua_tocfunction(L, -2);
    raisers[1] = lua_tocfunction(L, -1);
    lua_pop(L, 3);
}
