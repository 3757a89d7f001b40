/*
 * loops: the loops of a Lua state; see loops.h. Their root is a userdata in the
 * registry: whichever thread uses the state finds the same loops.
 */
#include <string.h>

#include "loop/loop.h"
#include "loop/running.h"
#include "loop/state.h"
#include "loop/wake.h"
#include "open.h"
#include "task/loops.h"

static const char root_key = 'r';

struct root {
    struct loops loops;
    struct known_file files[KNOWN_FILES];
};

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
    if (t != NULL && t->top == L)
        return loop_loops(t->loop);
    return task_loops(L);
}

struct known_file *task_known_files(struct loops *loops)
{
    return ((struct root *)loops)->files;
}

void open_loops(lua_State *L)
{
    struct root *root = lua_newuserdatauv(L, sizeof *root, 0);

    memset(root, 0, sizeof *root);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &root_key);
}
