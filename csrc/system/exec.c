/*
 * exec: execv, execvp and execve.
 *
 * Follows execve(2), exec(3) and environ(7). Functions named sockeye_* are the
 * module's.
 */
#include <errno.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/text.h"
#include "open.h"
#include "system/argv.h"

/* The string at `arg`, for the system. Raises an argument error if it contains
 * a zero, which would end it. */
static const char *check_text(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TSTRING);
    return text_check(L, arg, "string");
}

/* Push the vector of the list at `arg`, which begins at index 0 if there is
 * one, else at 1. */
static char *const *push_argv(lua_State *L, int arg)
{
    lua_Integer first;

    luaL_checktype(L, arg, LUA_TTABLE);
    first = lua_rawgeti(L, arg, 0) == LUA_TNIL ? 1 : 0;
    lua_pop(L, 1);
    if (first == 1 && lua_rawlen(L, arg) == 0)
        luaL_argerror(L, arg, "argv: must hold at least the program's name");
    return argv_push_list(L, arg, first, arg, "argv");
}

/*** Replace the running program with another (execve(2)).
The process keeps its id. Descriptors that are close-on-exec are closed: all of
this module's, unless the flag was cleared. Data that `io` has buffered is lost:
call `io.flush()` first.
@function execv
@string path the program's file
@tparam {string,...} argv its arguments, of which the first is argv[0], the
program's own name; it may also be at index 0, and the others from index 1
@raise ENOENT, EACCES, ENOEXEC, E2BIG, …; the function returns in no other way,
and an error changes nothing
@usage sockeye.execv("/bin/ls", {"ls", "-l"})
*/
static int sockeye_execv(lua_State *L)
{
    const char *path = check_text(L, 1);
    char *const *argv = push_argv(L, 2);

    execv(path, argv);
    return error_raise(L, "execv", errno, 1);
}

/*** Replace the running program with another, which is looked for in the
folders of PATH (exec(3)).
Otherwise as `execv`.
@function execvp
@string file a name; one that contains a slash is a path
@tparam {string,...} argv as for `execv`
@raise as `execv`
@usage sockeye.execvp("ls", {"ls", "-l"})
*/
static int sockeye_execvp(lua_State *L)
{
    const char *file = check_text(L, 1);
    char *const *argv = push_argv(L, 2);

    execvp(file, argv);
    return error_raise(L, "execvp", errno, 1);
}

/*** Replace the running program with another, and the environment too
(execve(2)).
Otherwise as `execv`.
@function execve
@string path the program's file
@tparam {string,...} argv as for `execv`
@tparam table env `{NAME = "value"}`, or a list: `{"NAME=value"}`
@raise as `execv`
@usage sockeye.execve("/usr/bin/env", {"env"}, {LANG = "C"})
*/
static int sockeye_execve(lua_State *L)
{
    const char *path = check_text(L, 1);
    char *const *argv = push_argv(L, 2);
    char *const *env;

    luaL_checktype(L, 3, LUA_TTABLE);
    env = argv_push_environment(L, 3, 3);
    execve(path, argv, env);
    return error_raise(L, "execve", errno, 1);
}

void open_exec(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"execv", sockeye_execv},
        {"execve", sockeye_execve},
        {"execvp", sockeye_execvp},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
