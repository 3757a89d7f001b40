/*
 * process: fork, waitpid, kill, _exit, getpid and getppid; pipe and dup2, for
 * the descriptors of a child. See exec.c for the exec functions.
 *
 * Follows the manual pages of section 2 of the same names. Functions named
 * sockeye_* are the module's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/names.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/socket.h"
#include "system/child.h"
#include "system/signal_names.h"
#include "system/signal_table.h"
#include "system/signals.h"
#include "system/status.h"
#include "task/loops.h"
#include "task/task.h"
#include "task/turn.h"
#include "task/wait.h"

/* clang-format off */
static const struct name wait_rows[] = {
    {"nohang", WNOHANG}, {"untraced", WUNTRACED}, {"continued", WCONTINUED},
    {NULL, 0},
};
/* clang-format on */

#define TRY_AGAIN 5000000 /* nanoseconds */

static const struct names wait_names = {"option", {"W", NULL}, wait_rows};

static pid_t check_pid(lua_State *L, int arg)
{
    lua_Integer pid = luaL_checkinteger(L, arg);

    luaL_argcheck(L, pid > INT32_MIN && pid <= INT32_MAX, arg,
                  "process id out of range");
    return (pid_t)pid;
}

/* After a failed attempt: if a signal interrupted it, run the handlers. Returns
 * whether to try again. */
static bool retry_interrupted(lua_State *L)
{
    if (errno != EINTR)
        return false;
    interrupt_run(L);
    return true;
}

/*** Create a child process, a copy of this one (fork(2)).
The child has copies of all descriptors, which share offsets and status flags
with the parent's. Both have the data that `io` has buffered: call `io.flush()`
first. The child should end with `_exit`, or with exec, so that it does not do
the parent's clean-up too. If a task forks, only that task goes on in the child.
@function fork
@treturn int the child's process id in the parent; 0 in the child
@raise EAGAIN, ENOMEM
@usage
local pid = sockeye.fork()
if pid == 0 then
    sockeye.execvp("date", {"date"})
end
sockeye.waitpid(pid)
*/
static int sockeye_fork(lua_State *L)
{
    pid_t pid = fork();

    if (pid == -1)
        return error_raise(L, "fork", errno, 0);
    if (pid == 0) {
        turn_end_forks(L);
        signal_table_end_fork(L);
    }
    lua_pushinteger(L, pid);
    return 1;
}

/* ---- wait ---- */

static int waitpid_step(lua_State *L, int continued, lua_KContext context);

/* Register that the task waits until the child may have ended: with a
 * descriptor of the child, which `child` owns then, or by trying again soon. */
static int await_child(struct task *t, struct socket *child, pid_t pid)
{
    int64_t soon = clock_now() + TRY_AGAIN;

    child->handle.fd = child_open(pid);
    if (child->handle.fd == -1)
        return loop_pause(t, t, soon);
    return loop_await(t, &child->handle, POLLIN, NO_DEADLINE, false);
}

/* Wait for that outside of tasks, where the kernel may not block. Returns
 * whether the child's descriptor reports its end. */
static bool await_child_outside(lua_State *L, pid_t pid)
{
    int64_t deadline = outside_limit(L, NO_DEADLINE);
    int64_t now = clock_now();
    int64_t soon = now + TRY_AGAIN;
    struct socket *child;
    struct pollfd p = {.events = POLLIN};

    if (deadline <= now)
        error_raise_canceled(L, "waitpid", 0);
    child = socket_new(L);
    p.fd = child->handle.fd = child_open(pid);
    if (p.fd == -1)
        deadline = soon < deadline ? soon : deadline;
    if (wait_poll(&p, p.fd != -1, deadline) == -1)
        interrupt_run(L);
    return p.revents != 0;
}

static void drop_child(lua_State *L)
{
    struct socket *child = socket_test(L, 3);

    if (child != NULL)
        socket_end(L, child);
    lua_settop(L, 2);
}

/* Suspend the task. A child's descriptor reports only its end, so it is of no
 * use for "untraced" and "continued"; and it reports it before waitpid(2) does
 * if a debugger holds the child. No Lua code runs once the task knows that it
 * is not cancelled. Stack: pid, options. */
static int waitpid_suspend(lua_State *L, struct task *t, pid_t pid, int options,
                           bool resumed)
{
    struct socket *child = socket_new(L);
    int error = task_interruption(t, false);

    if (error != 0)
        return task_raise(L, "waitpid", error);
    error = await_child(t, child, options == 0 && !resumed ? pid : -1);
    if (error != 0)
        return error_raise(L, task_wait_name(t, "waitpid"), error, 0);
    return task_suspend(L, t, "waitpid", WAIT_RESUMED, waitpid_step);
}

/* Call waitpid(2) outside of tasks. Under a deadline, at which it raises, and
 * while signals have handlers in Lua, it does not block in the kernel. */
static pid_t wait_outside(lua_State *L, pid_t pid, int options, int *status)
{
    bool limited = !(options & WNOHANG) && running_has_deadlines();
    int flags = limited ? options | WNOHANG : options;
    bool watches = options == 0;
    pid_t child;

    for (;;) {
        child = waitpid(pid, status, flags);
        if (child > 0 || (child == -1 && !retry_interrupted(L)))
            return child;
        if (child == 0 && !limited)
            return 0;
        if (child == 0 && await_child_outside(L, watches ? pid : -1))
            watches = false;
        drop_child(L);
    }
}

static int waitpid_step(lua_State *L, int continued, lua_KContext context)
{
    static const struct call call = {"waitpid", 0, waitpid_step};
    pid_t pid = lua_isnil(L, 1) ? -1 : check_pid(L, 1);
    int options = names_flags(L, 2, &wait_names);
    struct task *t = task_running(L);
    pid_t child;
    int status = 0;

    (void)continued;
    wait_turn(L, &call, context);
    context = context == WAIT_POSTPONED ? WAIT_FIRST : context;
    drop_child(L);
    if (t == NULL)
        child = wait_outside(L, pid, options, &status);
    else
        do
            child = waitpid(pid, &status, options | WNOHANG);
        while (child == -1 && errno == EINTR);
    if (child == -1)
        return error_raise(L, "waitpid", errno, 0);
    if (child == 0 && !(options & WNOHANG))
        return waitpid_suspend(L, task_that_may_wait(L), pid, options,
                               context != WAIT_FIRST);
    if (child == 0) {
        lua_pushboolean(L, false);
        return 1;
    }
    lua_pushinteger(L, child);
    return 1 + status_push(L, status);
}

/*** Wait for a child to end (waitpid(2)).
@function waitpid
@int[opt=-1] pid a child; -1: any child; 0: any in this process group; -n: any
in the process group n
@param[opt] options `"nohang"`: do not wait; `"untraced"`, `"continued"`: also
report children that were stopped, or continued; several names in one string
@treturn int|boolean the child's process id; `false` with `"nohang"` if there is
nothing to report
@treturn string `"exit"`, `"signal"`, `"stop"` or `"continue"`
@treturn int the exit status, or the number of the signal
@raise ECHILD if there is no such child; ETIMEDOUT with `timeout` inside
`timeout`
@usage local pid, how, number = sockeye.waitpid()
*/
static int sockeye_waitpid(lua_State *L)
{
    lua_settop(L, 2);
    return waitpid_step(L, LUA_OK, WAIT_FIRST);
}

/*** Send a signal (kill(2)).
If this process is among those that get the signal, and handles it, the handler
runs before this function returns.
@function kill
@int pid a process; 0: this process group; -1: all processes that this one may
signal; -n: the process group n
@param signal `"SIGTERM"`, `"term"`, `sockeye.SIGTERM`; 0: only check that it
could be sent
@raise ESRCH, EPERM
@usage sockeye.kill(pid, "SIGTERM")
*/
static int sockeye_kill(lua_State *L)
{
    pid_t pid = check_pid(L, 1);
    int number = signal_names_check(L, 2, 0);
    int error = signals_send(L, pid, number);

    if (error != 0)
        return error_raise(L, "kill", error, 1);
    interrupt_run(L);
    return 0;
}

/*** End this process at once (_exit(2)).
No variable is closed, nothing is collected, and data that `io` has buffered is
not written. Use it in a forked child, where all of that is the parent's to do.
@function _exit
@int[opt=0] status 0 to 255
*/
static int sockeye__exit(lua_State *L)
{
    lua_Integer status = luaL_optinteger(L, 1, 0);

    luaL_argcheck(L, status >= 0 && status <= 255, 1, "status out of range");
    _exit((int)status);
}

/*** Return the id of this process (getpid(2)).
@function getpid
@treturn int
*/
static int sockeye_getpid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

/*** Return the id of the parent process (getppid(2)).
@function getppid
@treturn int once the parent has ended, the id of the process that adopts
orphans
*/
static int sockeye_getppid(lua_State *L)
{
    lua_pushinteger(L, getppid());
    return 1;
}

/* ---- descriptors for a child ---- */

/*** Create a pipe (pipe(2)).
Its ends have the type `Socket`: they can be read, written, polled and closed,
but other calls fail with ENOTSOCK. They are close-on-exec.
@function pipe
@treturn Socket the end to read from
@treturn Socket the end to write to
@raise EMFILE, ENFILE
@usage local r, w = sockeye.pipe()
*/
static int sockeye_pipe(lua_State *L)
{
    struct socket *ends[2];
    bool collected = false;
    int fd[2];
    int result;

    /* The order on the stack is that of the results. */
    ends[0] = socket_new(L);
    ends[1] = socket_new(L);
    do
        result = pipe2(fd, O_CLOEXEC);
    while (result == -1 && descriptor_collect(L, errno, &collected));
    if (result == -1)
        return error_raise(L, "pipe", errno, 0);
    for (int i = 0; i < 2; i++)
        ends[i]->handle.fd = fd[i];
    for (int i = 0; i < 2; i++)
        socket_note_open(L, ends[i]);
    return 2;
}

/*** Duplicate a descriptor to a given number (dup2(2)).
A descriptor that has that number is closed first. The duplicate is not
close-on-exec, even if `old` is `new`: this is how to set a child's standard
input. No socket owns the duplicate, unless one owned that number before: to
close it, pass it to `adopt`.
@function dup2
@param old a socket, a Lua file or the number of a descriptor
@int new the number of the duplicate
@treturn int that number
@raise EBADF if `old` is not open or `new` is beyond the limit of the process
@usage sockeye.dup2(connection, 0)
*/
static int sockeye_dup2(lua_State *L)
{
    lua_Integer new = luaL_checkinteger(L, 2);
    int old;
    int result;

    luaL_argcheck(L, new >= 0 && new <= INT32_MAX, 2,
                  "descriptor out of range");
    do {
        old = socket_check_descriptor(L, 1, "dup2");
        socket_note_shared(L, 1);
        if (new != old)
            loop_forget_number(task_loops_if_any(L), (int)new);
        result = dup2(old, (int)new);
        socket_note_replaced();
    } while (result == -1 && retry_interrupted(L));
    if (result == -1)
        return error_raise(L, "dup2", errno, 0);
    if (old == result)
        fcntl(old, F_SETFD, fcntl(old, F_GETFD) & ~FD_CLOEXEC);
    lua_pushinteger(L, result);
    return 1;
}

void open_process(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"_exit", sockeye__exit},
        {"dup2", sockeye_dup2},

        {"fork", sockeye_fork},
        {"getpid", sockeye_getpid},
        {"getppid", sockeye_getppid},
        {"kill", sockeye_kill},
        {"pipe", sockeye_pipe},
        {"waitpid", sockeye_waitpid},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &wait_names);
}
