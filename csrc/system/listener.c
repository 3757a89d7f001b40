/*
 * listener: who hears a signal; see listener.h.
 */
#include <stdbool.h>

#include "base/argument.h"
#include "base/metatable.h"
#include "base/process.h"
#include "system/listener.h"
#include "system/resend.h"
#include "task/task.h"

#define LISTENER_TYPE "sockeye.SignalListener"

enum { FUNCTION = 1, TASK }; /* user values */

struct listener *listener_check(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, LISTENER_TYPE);
}

void listener_push_function(lua_State *L, int index)
{
    lua_getiuservalue(L, index, FUNCTION);
}

/* Push the list of a signal; false: there is none, and nothing is pushed. */
static bool push_list(lua_State *L, int table, int number)
{
    luaL_checkstack(L, 4, NULL);
    if (lua_rawgeti(L, table, number) == LUA_TTABLE)
        return true;
    lua_pop(L, 1);
    return false;
}

struct listener *listener_add(lua_State *L, int table, int number)
{
    struct listener *l;

    if (!push_list(L, table, number)) {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawseti(L, table, number);
    }
    l = lua_newuserdatauv(L, sizeof *l, 2);
    *l = (struct listener){number, process_number, false};
    luaL_setmetatable(L, LISTENER_TYPE);
    lua_pushvalue(L, -3);
    lua_setiuservalue(L, -2, FUNCTION);
    lua_pushvalue(L, -4);
    lua_setiuservalue(L, -2, TASK);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return l;
}

/* Remove entry `i` of the list on top. */
static void remove_entry(lua_State *L, lua_Integer i)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);

    for (; i < count; i++) {
        lua_rawgeti(L, -1, i + 1);
        lua_rawseti(L, -2, i);
    }
    lua_pushnil(L);
    lua_rawseti(L, -2, count);
}

/* Push entry `i` of the list on top, and return it; NULL: it has no more, and
 * nothing is pushed. */
static struct listener *push_entry(lua_State *L, lua_Integer i)
{
    if (lua_rawgeti(L, -1, i) == LUA_TUSERDATA)
        return lua_touserdata(L, -1);
    lua_pop(L, 1);
    return NULL;
}

bool listener_remove(lua_State *L, int table, struct listener *l)
{
    const struct listener *other;
    bool found = false;

    if (!push_list(L, table, l->number))
        return false;
    for (lua_Integer i = 1; !found && (other = push_entry(L, i)); i++) {
        lua_pop(L, 1);
        found = other == l;
        if (found)
            remove_entry(L, i);
    }
    lua_pop(L, 1);
    return found;
}

bool listener_is_any(lua_State *L, int table, int number)
{
    bool is_any;

    if (!push_list(L, table, number))
        return false;
    is_any = lua_rawlen(L, -1) > 0;
    lua_pop(L, 1);
    return is_any;
}

void listener_mark(lua_State *L, int table, int number)
{
    struct listener *l;

    if (!push_list(L, table, number))
        return;
    for (lua_Integer i = 1; (l = push_entry(L, i)) != NULL; i++) {
        l->marked = true;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Replace the list on top by its first listener that is marked, and return it;
 * or pop it and return NULL. */
static struct listener *find_marked(lua_State *L)
{
    struct listener *l;

    for (lua_Integer i = 1; (l = push_entry(L, i)) != NULL; i++) {
        if (l->marked) {
            lua_remove(L, -2);
            return l;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return NULL;
}

bool listener_take(lua_State *L, int table, int number)
{
    struct listener *l;

    if (!push_list(L, table, number) || (l = find_marked(L)) == NULL)
        return false;
    l->marked = false;
    lua_getiuservalue(L, -1, FUNCTION);
    lua_remove(L, -2);
    return true;
}

bool listener_is_marked(lua_State *L, int table)
{
    for (int number = 1; number < NSIG; number++) {
        if (push_list(L, table, number) && find_marked(L) != NULL) {
            lua_pop(L, 1);
            return true;
        }
    }
    return false;
}

/* Whether the listener on top is one of a task that only the parent has. */
static bool is_parents(lua_State *L)
{
    const struct listener *l = lua_touserdata(L, -1);
    const struct task *t;

    lua_getiuservalue(L, -1, TASK);
    t = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return l->process != process_number && task_has_ended(t);
}

bool listener_end_fork(lua_State *L, int table, int number)
{
    lua_Integer i = 1;
    bool found = false;

    if (!push_list(L, table, number))
        return false;
    while (push_entry(L, i) != NULL) {
        bool ends = is_parents(L);

        lua_pop(L, 1);
        if (ends)
            remove_entry(L, i);
        else
            i++;
        found |= ends;
    }
    lua_pop(L, 1);
    return found;
}

void listener_prepare(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{NULL, NULL}};

    metatable_push(L, LISTENER_TYPE, metamethods);
    lua_pop(L, 1);
}
