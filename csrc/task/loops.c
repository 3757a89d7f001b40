/*
 * loops: the loops of a Lua state; see loops.h. Their root is a userdata in the
 * registry: whichever thread uses the state finds the same loops.
 */
#include "loop/loop.h"
#include "open.h"
#include "task/loops.h"
#include "task/task.h"

static const char root_key = 'r';

struct loops *task_loops(lua_State *L)
{
    struct loops *loops;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &root_key);
    loops = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return loops;
}

const struct loops *task_loops_if_any(lua_State *L)
{
    const struct task *t;

    if (!loop_is_any())
        return NULL;
    t = loop_running();
    if (task_has_coroutine(t) && t->top == L)
        return loop_loops(t->loop);
    return task_loops(L);
}

void open_loops(lua_State *L)
{
    struct loops *loops = lua_newuserdatauv(L, sizeof *loops, 0);

    *loops = (struct loops){NULL, 0, NULL};
    lua_rawsetp(L, LUA_REGISTRYINDEX, &root_key);
}
