/*
 * outside: the deadlines in force outside of tasks; see outside.h.
 */
#include <lauxlib.h>

#include "loop/running.h"
#include "loop/state.h"
#include "open.h"
#include "task/outside.h"
#include "task/task.h"

/* The deadlines of a state; a userdata in its registry. */
struct deadlines {
    struct scope *first;
};

static const char list_key = 'd';

struct scope **outside_list(lua_State *L)
{
    struct deadlines *list;

    luaL_checkstack(L, 1, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key);
    list = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return &list->first;
}

/* A coroutine that has yielded, or failed, takes its deadlines along. */
static bool is_in_force(const struct scope *s)
{
    return lua_status(s->opener) == LUA_OK;
}

int64_t outside_limit(lua_State *L, int64_t own)
{
    if (!running_has_deadlines())
        return own;
    for (const struct scope *s = *outside_list(L); s != NULL; s = s->outer) {
        if (s->deadline < own && is_in_force(s))
            own = s->deadline;
    }
    return own;
}

void open_outside(lua_State *L)
{
    struct deadlines *list;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key) == LUA_TNIL) {
        list = lua_newuserdatauv(L, sizeof *list, 0);
        list->first = NULL;
        lua_rawsetp(L, LUA_REGISTRYINDEX, &list_key);
    }
    lua_pop(L, 1);
}
