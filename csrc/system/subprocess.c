/*
 * subprocess: sockeye.process, and the type Process.
 *
 * Follows posix_spawn(3), popen(3), waitpid(2), pidfd_open(2). Functions named
 * process_*, if their only parameter is a lua_State, are methods and
 * metamethods.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/metatable.h"
#include "base/nearest.h"
#include "base/process.h"
#include "base/text.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/socket.h"
#include "system/argv.h"
#include "system/child.h"
#include "system/signal_names.h"
#include "system/status.h"
#include "task/task.h"
#include "task/wait.h"

#ifndef NSIG
#define NSIG 65
#endif

#define PROCESS_TYPE "sockeye.Process"

/* How long `close` waits where nothing else may run meanwhile. */
#define PATIENCE (NANOSECONDS / 10)
#define MOMENT (NANOSECONDS / 1000)

/* User values 1 to CHILD_STANDARD: the streams. */
struct process {
    pid_t pid;          /* 0: none was started */
    unsigned parent;    /* process_number of the process that has started it */
    bool has_ended;     /* and was waited for here */
    bool is_lost;       /* it is no child of this process (any more) */
    int status;         /* of waitpid(2), once it has ended */
    struct handle none; /* stands for the child where no descriptor does */
};

static struct process *check_process(lua_State *L)
{
    return luaL_checkudata(L, 1, PROCESS_TYPE);
}

/* ---- the options ---- */

/* Where the arguments of sockeye.process are copied to: the options in the order
 * of `options`, from FIRST on. */
enum { STDIN = 2, STDOUT, STDERR, CWD, ENV, PDEATH, ARGUMENTS, PROCESS };

static const char *const options[] = {
    "stdin", "stdout", "stderr", "cwd", "env", "pdeath", NULL,
};

/* What is at `index` names a program or one of its arguments, in the list. */
static void add_argument(lua_State *L, lua_Integer place, lua_Integer count)
{
    if (place < 1 || place > count)
        luaL_argerror(L, 1, "the arguments must be a list without gaps");
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        luaL_argerror(L, 1, "every argument must be a string or a number");
    lua_pushvalue(L, -1);
    lua_tolstring(L, -1, NULL);
    lua_rawseti(L, ARGUMENTS, place);
}

/* Copy the table at 1 to the places above. */
static void read_options(lua_State *L)
{
    lua_Integer count = (lua_Integer)field_count(L, 1, 1, NULL, ARGV_MOST);
    lua_Integer found = 0;

    lua_settop(L, PDEATH);
    lua_createtable(L, (int)count, 0);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (lua_isinteger(L, -2)) {
            add_argument(L, lua_tointeger(L, -2), count);
            found++;
        } else {
            int place = STDIN + field_find(L, 1, options);

            lua_pushvalue(L, -1);
            lua_replace(L, place);
        }
        lua_pop(L, 1);
    }
    luaL_argcheck(L, found > 0, 1, "the program's name is missing");
    luaL_argcheck(L, found == count, 1,
                  "the arguments must be a list without gaps");
}

static bool is_word(lua_State *L, int index, const char *word)
{
    return lua_type(L, index) == LUA_TSTRING &&
           strcmp(lua_tostring(L, index), word) == 0;
}

/* Raise an argument error for a word that means no standard descriptor. */
static void refuse_word(lua_State *L, int index)
{
    struct nearest nearest;

    nearest_start(&nearest, lua_tostring(L, index));
    nearest_offer(&nearest, "pipe");
    nearest_offer(&nearest, "null");
    if (index == STDERR)
        nearest_offer(&nearest, "stdout");
    nearest_push(L, "word", &nearest);
    field_argerror(L, 1, options[index - STDIN], lua_tostring(L, -1));
}

static void check_standard(lua_State *L, int index)
{
    int fd;

    if (lua_isnil(L, index) || is_word(L, index, "pipe") ||
        is_word(L, index, "null") ||
        (index == STDERR && is_word(L, index, "stdout")))
        return;
    if (lua_type(L, index) == LUA_TSTRING)
        refuse_word(L, index);
    fd = socket_descriptor_at(L, index);
    if (fd == NO_DESCRIPTOR)
        field_argerror(L, 1, options[index - STDIN],
                       "\"pipe\", \"null\", a socket, stream, file or "
                       "descriptor expected");
    if (fd == CLOSED_DESCRIPTOR)
        error_raise(L, "process", EBADF, 0);
}

/* Return the text at `index`; NULL for nil. */
static const char *opt_text(lua_State *L, int index)
{
    const char *name = options[index - STDIN];
    size_t length;
    const char *text;

    if (lua_isnil(L, index))
        return NULL;
    if (lua_type(L, index) != LUA_TSTRING)
        field_argerror(L, 1, name, "string expected");
    text = lua_tolstring(L, index, &length);
    if (!text_is_whole(text, length))
        field_argerror(L, 1, name, "string contains a zero");
    return text;
}

static int opt_signal(lua_State *L, int index)
{
    lua_Integer number = 0;

    if (lua_isnil(L, index))
        return 0;
    if (!names_read(L, index, &signal_names, &number))
        field_argerror(L, 1, options[index - STDIN], lua_tostring(L, -1));
    if (number < 1 || number >= NSIG)
        field_argerror(L, 1, options[index - STDIN], SIGNAL_NAMES_PROBLEM);
    return (int)number;
}

/* Make the plan, but for its descriptors. What it points to is on the stack. */
static void make_plan(lua_State *L, struct child_plan *plan)
{
    for (int i = STDIN; i <= STDERR; i++)
        check_standard(L, i);
    plan->folder = opt_text(L, CWD);
    plan->death_signal = opt_signal(L, PDEATH);
    if (!lua_isnil(L, ENV) && !lua_istable(L, ENV))
        field_argerror(L, 1, "env", "table expected");
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    plan->argv = argv_push_list(L, ARGUMENTS, 1, 1, "arguments");
    plan->file = plan->argv[0];
    plan->env = NULL;
    if (!lua_isnil(L, ENV))
        plan->env = argv_push_environment(L, ENV, 1);
    lua_pushstring(L, child_folders());
    plan->folders = lua_tostring(L, -1);
    plan->path =
        lua_newuserdatauv(L, child_path_size(plan->folders, plan->file), 0);
}

/* ---- the start ---- */

static struct process *new_process(lua_State *L)
{
    struct process *p = lua_newuserdatauv(L, sizeof *p, CHILD_STANDARD);

    *p = (struct process){
        .parent = process_number,
        .none = {.fd = 0, .timeout = NO_DEADLINE},
    };
    luaL_setmetatable(L, PROCESS_TYPE);
    return p;
}

/* The sockets of the pipes: this process's end, and the child's. */
struct ends {
    struct socket *ours[CHILD_STANDARD];
    struct socket *theirs[CHILD_STANDARD];
};

/* Make the pipe of the standard descriptor `number`: pushes the child's end, and
 * has the process at PROCESS keep a stream of the other one. */
static void make_pipe(lua_State *L, struct ends *ends, int number)
{
    bool collected = false;
    int fd[2];
    int result;
    int ours = number == STDIN_FILENO ? 1 : 0;

    ends->theirs[number] = socket_new(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    ends->ours[number] = socket_new(L);
    do
        result = pipe2(fd, O_CLOEXEC);
    while (result == -1 && descriptor_collect(L, errno, &collected));
    if (result == -1)
        error_raise(L, "pipe", errno, 0);
    ends->ours[number]->handle.fd = fd[ours];
    ends->theirs[number]->handle.fd = fd[1 - ours];
    lua_call(L, 1, 1);
    lua_setiuservalue(L, PROCESS, number + 1);
}

static void make_pipes(lua_State *L, struct ends *ends)
{
    *ends = (struct ends){{NULL}, {NULL}};
    for (int i = 0; i < CHILD_STANDARD; i++) {
        if (is_word(L, STDIN + i, "pipe"))
            make_pipe(L, ends, i);
    }
}

static void end_sockets(lua_State *L, struct socket *const *sockets)
{
    for (int i = 0; i < CHILD_STANDARD; i++) {
        if (sockets[i] != NULL)
            socket_end(L, sockets[i]);
    }
}

/* Return the descriptor for the standard one `number`. */
static int source_of(lua_State *L, const struct ends *ends, int number)
{
    int index = STDIN + number;

    if (ends->theirs[number] != NULL)
        return ends->theirs[number]->handle.fd;
    if (lua_isnil(L, index))
        return CHILD_INHERITS;
    if (is_word(L, index, "null"))
        return CHILD_NULL;
    if (is_word(L, index, "stdout"))
        return CHILD_OUTPUT;
    return socket_descriptor_at(L, index);
}

/* Lua code may have closed a descriptor since it was looked at. Returns
 * false. */
static bool take_sources(lua_State *L, struct child_plan *plan,
                         const struct ends *ends)
{
    for (int i = 0; i < CHILD_STANDARD; i++) {
        int fd = plan->standard[i] = source_of(L, ends, i);

        if (fd == CLOSED_DESCRIPTOR && !lua_isnil(L, STDIN + i))
            return false;
    }
    return true;
}

/* Raise the error that has kept the child from being started. */
static int fail_start(lua_State *L, const struct child_plan *plan,
                      const char *call, int error)
{
    int subject = 0;

    if (strcmp(call, "execve") == 0)
        lua_pushstring(L, plan->file);
    if (strcmp(call, "execve") == 0)
        subject = -1;
    else if (strcmp(call, "chdir") == 0)
        subject = CWD;
    return error_raise(L, call, error, subject);
}

static pid_t start(lua_State *L, struct child_plan *plan,
                   const struct ends *ends, const char **call)
{
    bool collected = false;
    pid_t pid;

    do {
        errno = EBADF;
        *call = "process";
        pid = take_sources(L, plan, ends) ? child_start(plan, call) : -1;
    } while (pid == -1 && descriptor_collect(L, errno, &collected));
    return pid;
}

/*** Start a program in a child process (posix_spawn(3)).
The list begins with the program's name, which is also its argv[0]; the arguments
follow. It is looked for in the folders of this process's PATH, as execvp(3)
does, unless it contains a slash; `env` changes nothing about that. No shell is
involved, unless the file is a script without `#!`.

The child inherits the descriptors that are not close-on-exec, and nothing else:
none of this module's. Its signal mask is empty, and the signals that are handled
here have their default action there, and so has SIGPIPE; signals that are
ignored stay so. What `io` has buffered stays here: call `io.flush()` before, to
keep an order. No variable of this process is closed in the child, nothing is
collected, and no function of `os.exit` runs, whatever fails.

A step that fails in the child raises here, and leaves no child.

A process that is collected goes on, and is reaped by the first collection after
its end.
@function process
@tparam table options the program and its arguments, strings and numbers, as a
list; and, all of them optional:

* `stdin`, `stdout`, `stderr`: `"pipe"`: the process's field of that name is a
stream to write to, or to read from; `"null"`: /dev/null; a socket, a stream, a
Lua file or the number of a descriptor: the child has a duplicate; `"stdout"`,
for `stderr` alone: where its standard output goes; nil: what this process has
* `env`: the child's whole environment, `{NAME = "value"}` or `{"NAME=value"}`;
nil: that of this process
* `cwd`: the folder it runs in. A relative path of the program begins there
* `pdeath`: the signal that the kernel sends the child when the thread that has
started it ends, or its process (PR_SET_PDEATHSIG, prctl(2)), by name or number
@treturn Process
@raise argument errors before anything is made; EBADF if a socket or file is
closed; otherwise the call that failed is the error's `call`: `execve` with
ENOENT for a program that does not exist, EACCES for one that must not be run,
E2BIG; `chdir` with ENOENT; `dup2` with EBADF; `pipe` with EMFILE; `vfork` with
EAGAIN, ENOMEM; … `subject` is the program or the folder.
@usage
local p <close> = sockeye.process{"sort", "-n", stdin = "pipe", stdout = "pipe"}
p.stdin:write("10\n9\n"):close()
print(p.stdout:read("a"), p:wait())     --> 9\n10\n   exit   0
*/
static int sockeye_process(lua_State *L)
{
    struct child_plan plan;
    struct process *p;
    struct ends ends;
    const char *call;
    pid_t pid;
    int error;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    read_options(L);
    p = new_process(L);
    make_plan(L, &plan);
    make_pipes(L, &ends);
    pid = start(L, &plan, &ends, &call);
    error = errno;
    end_sockets(L, ends.theirs);
    if (pid == -1) {
        end_sockets(L, ends.ours);
        return fail_start(L, &plan, call, error);
    }
    p->pid = pid;
    lua_pushvalue(L, PROCESS);
    return 1;
}

/* ---- the end ---- */

/* Whether nothing is left to be waited for: the process has ended, or is no
 * child of this one. */
static bool is_over(struct process *p)
{
    pid_t pid;

    if (p->pid == 0 || p->parent != process_number)
        p->is_lost = true;
    if (p->has_ended || p->is_lost)
        return true;
    do
        pid = waitpid(p->pid, &p->status, WNOHANG);
    while (pid == -1 && errno == EINTR);
    p->has_ended = pid == p->pid;
    p->is_lost = pid == -1;
    return p->has_ended || p->is_lost;
}

/* Begin to wait for the process at 1, with the time-out `limit`. A descriptor of
 * the child is at 3, where there may be one. */
static void start_waiting(lua_State *L, struct wait *w, const struct call *call,
                          struct process *p, int64_t limit,
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
static bool await_end(lua_State *L, struct wait *w, const struct process *p)
{
    bool goes_on;

    if (w->handle == &p->none || descriptor_is_ready(w->handle->fd, POLLIN))
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
    struct process *p = check_process(L);
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

/*** Send the process a signal (kill(2)).
A process that has ended gets none, nor one that has its number since.
@function Process:kill
@param[opt="SIGTERM"] signal `"SIGTERM"`, `"term"`, `sockeye.SIGTERM`; 0: only
check that it could be sent
@treturn boolean whether it was sent; false: the process has ended
@raise EPERM
@usage p:kill("SIGINT")
*/
static int process_kill(lua_State *L)
{
    struct process *p = check_process(L);
    int number = lua_isnoneornil(L, 2) ? SIGTERM : signal_names_check(L, 2, 0);
    bool over = is_over(p);

    if (!over && kill(p->pid, number) == -1)
        return error_raise(L, "kill", errno, 0);
    lua_pushboolean(L, !over);
    return 1;
}

/* Wait for the end of a process that was killed, without letting anything else
 * run: not for long. */
static void reap_at_once(struct process *p)
{
    int64_t deadline = clock_after(PATIENCE);
    struct pollfd child = {.fd = child_open(p->pid), .events = POLLIN};

    while (!is_over(p) && clock_now() < deadline) {
        if (child.fd == -1 || descriptor_is_ready(child.fd, POLLIN))
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
    struct process *p = check_process(L);
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
    struct process *p = check_process(L);
    bool over = is_over(p) || kill(p->pid, SIGKILL) == -1;

    close_streams(L);
    if (over)
        return 0;
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
    const struct process *p;
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
    const struct process *p = check_process(L);

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

/* The table has `stream` already, which makes the streams. */
void open_subprocess(lua_State *L)
{
    lua_getfield(L, -1, "stream");
    lua_pushcclosure(L, sockeye_process, 1);
    lua_setfield(L, -2, "process");
    metatable_push(L, PROCESS_TYPE, metamethods);
    luaL_newlib(L, methods);
    lua_pushinteger(L, 0);
    lua_setfield(L, -2, "pid");
    for (int i = 0; i < CHILD_STANDARD; i++) {
        lua_pushinteger(L, i + 1);
        lua_setfield(L, -2, options[i]);
    }
    lua_pushcclosure(L, process_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
