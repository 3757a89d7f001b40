/*
 * subprocess: the type Process: how a process is waited for, signalled, ended.
 *
 * Follows waitpid(2), kill(2), pidfd_open(2), pidfd_send_signal(2). Functions named process_*, if
 * their only parameter is a lua_State, are methods and metamethods.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/nowait.h"
#include "base/error.h"
#include "base/metatable.h"
#include "base/process.h"
#include "open.h"
#include "socket/socket.h"
#include "system/signal_names.h"
#include "system/status.h"
#include "system/subprocess.h"
#include "task/task.h"

#define PROCESS_TYPE "sockeye.Process"

/* How long `close` waits where nothing else may run meanwhile. */
#define PATIENCE (NANOSECONDS / 10)
#define MOMENT (NANOSECONDS / 1000)

static struct subprocess *check_process(lua_State *L)
{
    return luaL_checkudata(L, 1, PROCESS_TYPE);
}

struct subprocess *subprocess_new(lua_State *L)
{
    struct subprocess *p = lua_newuserdatauv(L, sizeof *p, CHILD_STANDARD);

    *p = (struct subprocess){
        .fd = -1,
        .parent = process_number,
        .none = {.fd = 0, .timeout = NO_DEADLINE},
    };
    luaL_setmetatable(L, PROCESS_TYPE);
    return p;
}

void subprocess_begin(struct subprocess *p, pid_t pid)
{
    p->pid = pid;
    p->fd = child_open(pid);
}

/* Whether something else has waited for the child. Its id may be that of another
 * child since; where there is no descriptor of it, that is not known. */
static bool was_reaped(const struct subprocess *p)
{
    return p->fd != -1 && child_signal(p->fd, 0) == -1 && errno == ESRCH;
}

static void look_for_end(struct subprocess *p)
{
    pid_t pid;

    if (p->pid == 0 || p->parent != process_number || was_reaped(p)) {
        p->is_lost = true;
        return;
    }
    do
        pid = waitpid(p->pid, &p->status, WNOHANG);
    while (pid == -1 && errno == EINTR);
    p->has_ended = pid == p->pid;
    p->is_lost = pid == -1;
}

static void drop_pidfd(struct subprocess *p)
{
    if (p->fd != -1)
        close(p->fd);
    p->fd = -1;
}

/* Whether nothing is left to be waited for: the process has ended, or is no
 * child of this one. */
static bool is_over(struct subprocess *p)
{
    if (!p->has_ended && !p->is_lost)
        look_for_end(p);
    if (!p->has_ended && !p->is_lost)
        return false;
    drop_pidfd(p);
    return true;
}

/* Send a signal to the process, which is not over. Returns 0; or -1, with errno
 * set: ESRCH if it is over meanwhile. */
static int send_signal(const struct subprocess *p, int number)
{
    if (p->fd != -1) {
        if (child_signal(p->fd, number) == 0)
            return 0;
        if (errno == ESRCH || errno == EPERM)
            return -1;
    }
    return kill(p->pid, number);
}

/* Begin to wait for the process at 1, with the time-out `limit`. A descriptor of
 * the child is at 3, where there may be one. */
static void start_waiting(lua_State *L, struct wait *w, const struct call *call,
                          struct subprocess *p, int64_t limit,
                          lua_KContext context)
{
    struct socket *child = socket_test(L, 3);

    if (child == NULL) {
        lua_settop(L, 2);
        child = socket_new(L);
        child->handle.fd = child_open(p->pid);
    }
    child->handle.timeout = p->none.timeout = limit;
    wait_resume(L, w, call, child->handle.fd != -1 ? &child->handle : &p->none,
                0, context);
    w->vain = -1;
}

/* Wait until the process may have ended. Its descriptor may report that before
 * waitpid(2) does, if a debugger holds it. False: `w` says why not. */
static bool await_end(lua_State *L, struct wait *w, const struct subprocess *p)
{
    bool goes_on;

    if (w->handle == &p->none || nowait_test(w->handle->fd, POLLIN) != EAGAIN)
        goes_on = wait_briefly(L, w, (int)++w->progress);
    else
        goes_on = wait_ready(L, w);
    if (!goes_on && w->outcome == WAIT_WOULD_BLOCK)
        w->outcome = WAIT_TIMED_OUT;
    return goes_on;
}

static void drop_descriptor(lua_State *L)
{
    struct socket *child = socket_test(L, 3);

    if (child != NULL)
        socket_end(L, child);
}

static int wait_step(lua_State *L, int status, lua_KContext context);

static const struct call wait_call = {"wait", POLLIN, wait_step};

static int wait_step(lua_State *L, int status, lua_KContext context)
{
    struct subprocess *p = check_process(L);
    int64_t limit = clock_check_seconds(L, 2);
    struct wait w;

    (void)status;
    wait_turn(L, &wait_call, context);
    if (context == WAIT_POSTPONED)
        context = WAIT_FIRST;
    if (!is_over(p)) {
        start_waiting(L, &w, &wait_call, p, limit, context);
        while (!is_over(p)) {
            if (await_end(L, &w, p))
                continue;
            drop_descriptor(L);
            return wait_failed(L, &w, 0);
        }
    }
    drop_descriptor(L);
    return p->is_lost ? error_raise(L, "wait", ECHILD, 0)
                      : status_push(L, p->status);
}

/*** Wait until the process has ended.
Any number of tasks may wait. Asked again, it returns the same.
@function Process:wait
@number[opt] seconds how long at most; nil: without a limit
@treturn string `"exit"` or `"signal"`
@treturn int the exit status, or the number of the signal
@raise ETIMEDOUT with `timeout` if it has not ended after so many seconds;
ECHILD if something else has waited for it: `waitpid`, or another part of the
program; or if SIGCHLD is ignored; or in a forked child, whose process it is not
@usage local how, number = p:wait(10)
*/
static int process_wait(lua_State *L)
{
    check_process(L);
    clock_check_seconds(L, 2);
    lua_settop(L, 2);
    return wait_step(L, LUA_OK, WAIT_FIRST);
}

/*** Send the process a signal (kill(2), pidfd_send_signal(2)).
A process that has ended gets none, nor one that has its number since, whoever
has waited for it.
@function Process:kill
@param[opt="SIGTERM"] signal `"SIGTERM"`, `"term"`, `sockeye.SIGTERM`; 0: only
check that it could be sent
@treturn boolean whether it was sent; false: the process has ended
@raise EPERM
@usage p:kill("SIGINT")
*/
static int process_kill(lua_State *L)
{
    struct subprocess *p = check_process(L);
    int number = lua_isnoneornil(L, 2) ? SIGTERM : signal_names_check(L, 2, 0);
    bool over = is_over(p);
    int error = !over && send_signal(p, number) == -1 ? errno : 0;

    if (error != 0 && error != ESRCH)
        return error_raise(L, "kill", error, 0);
    lua_pushboolean(L, !over && error == 0);
    return 1;
}

/* Wait for the end of a process that was killed, without letting anything else
 * run: not for long. */
static void reap_at_once(struct subprocess *p)
{
    int64_t deadline = clock_after(PATIENCE);
    struct pollfd child = {.fd = child_open(p->pid), .events = POLLIN};

    while (!is_over(p) && clock_now() < deadline) {
        if (child.fd == -1 || nowait_test(child.fd, POLLIN) != EAGAIN)
            wait_poll(NULL, 0, clock_after(MOMENT));
        else
            wait_poll(&child, 1, deadline);
    }
    if (child.fd != -1)
        close(child.fd);
}

static int close_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"close", POLLIN, close_step};
    struct subprocess *p = check_process(L);
    struct wait w;

    (void)status;
    if (!is_over(p)) {
        start_waiting(L, &w, &call, p, NO_DEADLINE, context);
        while (!is_over(p) && await_end(L, &w, p))
            continue;
    }
    drop_descriptor(L);
    if (!is_over(p))
        reap_at_once(p);
    return 0;
}

/* Close the streams, as their `<close>` variables do while an error passes:
 * without waiting. */
static void close_streams(lua_State *L)
{
    for (int i = 1; i <= CHILD_STANDARD; i++) {
        if (lua_getiuservalue(L, 1, i) == LUA_TUSERDATA &&
            luaL_getmetafield(L, -1, "__close") != LUA_TNIL) {
            lua_insert(L, -2);
            lua_pushboolean(L, true);
            lua_call(L, 2, 0);
        } else {
            lua_pop(L, 1);
        }
    }
}

/* Kill the process, close its streams, and wait for its end if that may take
 * time. A process that this one must not signal is left alone. */
static int end_process(lua_State *L, bool may_wait)
{
    struct subprocess *p = check_process(L);
    bool over = is_over(p) || send_signal(p, SIGKILL) == -1;

    close_streams(L);
    if (over) {
        drop_pidfd(p);
        return 0;
    }
    lua_settop(L, 1);
    lua_pushnil(L);
    if (may_wait && task_may_wait(L))
        return close_step(L, LUA_OK, WAIT_FIRST);
    reap_at_once(p);
    return 0;
}

/*** End the process by SIGKILL, wait for its end, and close its streams.
So does the end of a `<close>` variable's scope. While an error passes, and in a
task that is cancelled, it waits for a tenth of a second at most, in which
nothing else runs; what has not ended by then is reaped once it is collected.
Does nothing to a process that has ended, but close its streams. In a forked
child, only the streams are closed there.
@function Process:close
@usage local p <close> = sockeye.process{"tail", "-f", path, stdout = "pipe"}
*/
static int process_close(lua_State *L)
{
    return end_process(L, true);
}

static int process_leave(lua_State *L)
{
    return end_process(L, lua_isnoneornil(L, 2));
}

/* A process that still runs is looked at again by the next collection: a value
 * whose metatable is set in its finalizer is finalized again. */
static int process_gc(lua_State *L)
{
    if (!is_over(check_process(L)) && lua_getmetatable(L, 1))
        lua_setmetatable(L, 1);
    return 0;
}

/* ---- the type ---- */

/* The table of methods has numbers for the fields: 0 for `pid`, else the user
 * value. */
static int process_index(lua_State *L)
{
    const struct subprocess *p;
    lua_Integer field;

    lua_settop(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER)
        return 1;
    p = check_process(L);
    field = lua_tointeger(L, -1);
    if (field == 0)
        lua_pushinteger(L, p->pid);
    else
        lua_getiuservalue(L, 1, (int)field);
    return 1;
}

/* "process(pid 123)" */
static int process_tostring(lua_State *L)
{
    const struct subprocess *p = check_process(L);

    lua_pushfstring(L, "process(pid %d%s)", (int)p->pid,
                    p->has_ended ? " ended" : "");
    return 1;
}

static const luaL_Reg methods[] = {
    {"close", process_close},
    {"kill", process_kill},
    {"wait", process_wait},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__close", process_leave},
    {"__gc", process_gc},
    {"__tostring", process_tostring},
    {NULL, NULL},
};

void open_subprocess(lua_State *L)
{
    static const char *const streams[] = {"stdin", "stdout", "stderr"};

    metatable_push(L, PROCESS_TYPE, metamethods);
    luaL_newlib(L, methods);
    lua_pushinteger(L, 0);
    lua_setfield(L, -2, "pid");
    for (int i = 0; i < CHILD_STANDARD; i++) {
        lua_pushinteger(L, i + 1);
        lua_setfield(L, -2, streams[i]);
    }
    lua_pushcclosure(L, process_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
