/*
 * origin: the script's line that has spawned a task; see origin.h.
 *
 * It is kept as two numbers, of the file and of the line: every spawn notes it,
 * few are ever asked for.
 */
#include <string.h>

#include "base/argument.h"
#include "base/error_where.h"
#include "base/interrupt.h"
#include "loop/loop.h"
#include "loop/running.h"
#include "loop/state.h"
#include "open.h"
#include "task/loops.h"
#include "task/origin.h"

/* The registry's key of a table of the files' names, each by its number, and the
 * number by the name. */
static const char names_key = 'f';
#define MOST_FILES 4096 /* that are numbered: scripts may load texts for ever */

/* Return the number of a script's file; 0: there are too many. */
static lua_Integer number_of(lua_State *L, const char *name)
{
    lua_Integer number;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    number = lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (number == 0 && lua_rawlen(L, -2) < MOST_FILES) {
        number = (lua_Integer)lua_rawlen(L, -2) + 1;
        lua_pushvalue(L, -1);
        lua_pushinteger(L, number);
        lua_rawset(L, -4);
        lua_rawseti(L, -2, number);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 2);
    }
    return number;
}

/* Find the number of the file, among those that were met last, where it costs
 * neither a string nor a look-up, or else by its name. */
static uint16_t find(lua_State *L, struct known_file *files, const char *name)
{
    lua_Integer number;

    for (int i = 0; i < KNOWN_FILES; i++) {
        if (strcmp(files[i].name, name) == 0)
            return files[i].number;
    }
    number = error_is_library(L, name) ? 0 : number_of(L, name);
    for (int i = KNOWN_FILES - 1; i > 0; i--)
        files[i] = files[i - 1];
    strcpy(files[0].name, name);
    files[0].number = (uint16_t)number;
    return files[0].number;
}

void origin_note(lua_State *L, struct task *t, struct loops *loops)
{
    struct known_file *files = task_known_files(loops);
    const struct task *self = loop_running();
    lua_Debug ar;

    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline <= 0)
            continue;
        t->file = find(L, files, ar.short_src);
        if (t->file != 0) {
            t->line = ar.currentline;
            return;
        }
    }
    if (self == NULL || self->co == NULL || loop_loops(self->loop) != loops)
        return;
    t->file = self->file;
    t->line = self->line;
}

bool origin_push(lua_State *L, const struct task *t)
{
    if (t->file == 0)
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_rawgeti(L, -1, t->file);
    lua_pushfstring(L, "%s:%d", lua_tostring(L, -1), t->line);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return true;
}

static bool push_line(lua_State *L, lua_State *co)
{
    if (co == NULL)
        return false;
    if (error_push_place(L, co))
        return true;
    lua_pop(L, 1);
    return false;
}

void origin_push_place(lua_State *L, const struct task *t)
{
    if (!push_line(L, t->top) && !push_line(L, t->co) && !origin_push(L, t))
        lua_pushliteral(L, "?");
}

/* Whether what a coroutine raises that `co` has resumed by coroutine.wrap gets the
 * line of the caller, which is one of Lua. */
static bool gets_line(lua_State *co)
{
    lua_Debug ar;

    return co == NULL || (lua_getstack(co, 1, &ar) &&
                          lua_getinfo(co, "l", &ar) && ar.currentline > 0);
}

/* No function of a script runs on L. Look in the coroutines that have resumed
 * it, as far as they are known. */
static bool look_further(lua_State *L, bool is_text)
{
    const struct task *t = loop_running();
    lua_State *main = interrupt_main_thread(L);

    if (t == NULL || t->co == NULL || interrupt_main_thread(t->co) != main)
        return false;
    if (is_text && t->top != L && gets_line(t->top))
        return false;
    if (t->top != L && push_line(L, t->top))
        return true;
    if (t->co != L && push_line(L, t->co))
        return true;
    return origin_push(L, t);
}

void open_origin(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    error_look_further(look_further);
}
