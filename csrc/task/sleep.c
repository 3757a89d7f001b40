/*
 * sleep: the function sleep.
 */
#include <errno.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "open.h"
#include "task/task.h"
#include "task/wait.h"

static int sleep_step(lua_State *L, int status, lua_KContext context);

static const struct call sleep_call = {"sleep", 0, sleep_step};

/* Stack: when the sleep ends, in nanoseconds of clock_now. */
static int sleep_step(lua_State *L, int status, lua_KContext context)
{
    struct task *t = task_that_may_wait(L);
    int64_t until = lua_tointeger(L, 1);

    (void)status;
    if (context == WAIT_POSTPONED ||
        (context == WAIT_FIRST && t->budget-- <= 0))
        wait_turn(L, &sleep_call, context);
    context = context == WAIT_RESUMED ? WAIT_RESUMED : WAIT_FIRST;
    if (context != WAIT_FIRST && loop_now(t->loop) >= until)
        return 0;
    task_pause(L, t, t, "sleep", until, context != WAIT_FIRST);
    return task_suspend(L, t, task_wait_name(t, "sleep"), WAIT_RESUMED,
                        sleep_step);
}

static int sleep_outside(lua_State *L, int64_t until)
{
    int64_t limit = outside_limit(L, until);

    while (wait_poll(NULL, 0, limit) == -1) {
        if (errno != EINTR)
            return error_raise(L, "sleep", errno, 0);
        interrupt_run(L);
    }
    if (limit == until)
        return 0;
    return error_raise_canceled(L, "sleep", 0);
}

/*** Wait for a given time.
Inside a task, other tasks run meanwhile. If a signal comes, its handler runs,
and the sleep goes on with the time that is left. It takes a little longer than
asked for; in a task, where the system has no epoll_pwait2(2), up to a
millisecond.
@function sleep
@number seconds with fractions
@raise argument error for a negative number; ECANCELED; any error of a signal
handler
*/
static int sockeye_sleep(lua_State *L)
{
    int64_t until = clock_after(clock_check_number(L, 1));

    if (task_that_may_wait(L) == NULL)
        return sleep_outside(L, until);
    lua_pushinteger(L, until);
    lua_replace(L, 1);
    return sleep_step(L, LUA_OK, WAIT_FIRST);
}

void open_sleep(lua_State *L)
{
    lua_pushcfunction(L, sockeye_sleep);
    lua_setfield(L, -2, "sleep");
}
