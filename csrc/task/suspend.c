/*
 * suspend: the continuation of every wait; see suspend.h.
 */
#include <stdint.h>

#include "base/error.h"
#include "loop/running.h"
#include "loop/state.h"
#include "loop/wake.h"
#include "task/suspend.h"

_Atomic uintptr_t suspend_tickets;

const char suspend_mark_tag = 'w';

bool suspend_is_marked(lua_State *co)
{
    if (lua_status(co) != LUA_YIELD)
        return false;
    for (int index = lua_gettop(co); index > 0; index--) {
        if (lua_touserdata(co, index) == &suspend_mark_tag)
            return true;
    }
    return false;
}

/* Only the loop may resume a coroutine that waits, and only for the wait that
 * began there: a script that resumes it by hand, in another task or after the
 * loop has ended, finds no state that the wait could go on with. */
int suspend_go_on(lua_State *L, int status, lua_KContext context)
{
    struct task *t = loop_running();

    if (t == NULL || t->top != L || t->ticket != (uintptr_t)context)
        return error_raise_misuse(L, "this coroutine waits inside a task: only "
                                     "the task's loop resumes it");
    suspend_unmark(L, t);
    return t->step(L, status, t->step_context);
}

int suspend_generator(lua_State *L, struct task *t)
{
    if (t->killed) {
        loop_take_out(t);
        return error_raise_canceled(L, t->call, 0);
    }
    return lua_yieldk(L, suspend_mark(L, t), (lua_KContext)t->ticket,
                      suspend_go_on);
}

bool task_coroutine_runs(lua_State *co)
{
    lua_Debug frame;

    return lua_status(co) == LUA_OK && lua_getstack(co, 0, &frame) == 1;
}
