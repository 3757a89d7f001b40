/*
 * program: sockeye.process, which starts a program in a child process.
 *
 * Follows posix_spawn(3), popen(3), pipe(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/nearest.h"
#include "base/text.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/socket.h"
#include "system/argv.h"
#include "system/child.h"
#include "system/signal_names.h"
#include "system/subprocess.h"

#ifndef NSIG
#define NSIG 65
#endif

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
    const char *text;
    size_t length;

    if (lua_type(L, index) != LUA_TSTRING)
        return false;
    text = lua_tolstring(L, index, &length);
    return text_is_name(text, length, word);
}

/* Raise an argument error for a word that means no standard descriptor. */
static void refuse_word(lua_State *L, int index)
{
    struct nearest nearest;
    size_t length;
    const char *word = lua_tolstring(L, index, &length);

    nearest_start(&nearest, word, length);
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
        socket_raise_closed(L, index, "process");
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
    socket_note_open(L, ends->ours[number]);
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
    struct subprocess *p;
    struct ends ends;
    const char *call;
    pid_t pid;
    int error;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    read_options(L);
    p = subprocess_new(L);
    make_plan(L, &plan);
    make_pipes(L, &ends);
    pid = start(L, &plan, &ends, &call);
    error = errno;
    end_sockets(L, ends.theirs);
    if (pid == -1) {
        end_sockets(L, ends.ours);
        return fail_start(L, &plan, call, error);
    }
    subprocess_begin(p, pid);
    lua_pushvalue(L, PROCESS);
    return 1;
}

/* The table has `stream` already, which makes the streams. */
void open_program(lua_State *L)
{
    lua_getfield(L, -1, "stream");
    lua_pushcclosure(L, sockeye_process, 1);
    lua_setfield(L, -2, "process");
}
