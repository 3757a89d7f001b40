/*
 * exec: execv, execvp and execve.
 *
 * Follows execve(2), exec(3) and environ(7). Functions named sockeye_* are the
 * module's.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/error.h"
#include "base/field.h"
#include "base/text.h"
#include "open.h"

/* Strings of one list, far more than any system passes on (execve(2)). */
#define STRINGS_MOST ((size_t)1 << 20)

/* The string at `arg`, for the system. Raises an argument error if it contains
 * a zero, which would end it. */
static const char *check_text(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TSTRING);
    return text_check(L, arg, "string");
}

static int reject(lua_State *L, int arg, const char *list, const char *why)
{
    return luaL_argerror(L, arg, lua_pushfstring(L, "%s: %s", list, why));
}

/* Return the string on top of the stack, an element of the list at `arg`. */
static const char *check_element(lua_State *L, int arg, const char *list)
{
    size_t length;
    const char *text;

    if (lua_type(L, -1) != LUA_TSTRING)
        reject(L, arg, list, "every element must be a string");
    text = lua_tolstring(L, -1, &length);
    if (!text_is_whole(text, length))
        reject(L, arg, list, "string contains a zero");
    return text;
}

/* Push a userdata with pointers to the elements of the list at `index`, from
 * `first` on, with NULL at the end; below it a list of the strings, which keeps
 * them alive whatever becomes of the script's list. Errors blame `arg`. */
static char *const *push_vector(lua_State *L, int index, lua_Integer first,
                                int arg, const char *list)
{
    size_t last = field_count(L, arg, index, list, STRINGS_MOST);
    size_t count = (size_t)((lua_Integer)last - first + 1);
    const char **vector;

    lua_createtable(L, (int)count, 0);
    vector = lua_newuserdatauv(L, (count + 1) * sizeof *vector, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, first + (lua_Integer)i);
        vector[i] = check_element(L, arg, list);
        lua_rawseti(L, -3, (lua_Integer)i + 1);
    }
    vector[count] = NULL;
    return (char *const *)vector;
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
        reject(L, arg, "argv", "must hold at least the program's name");
    return push_vector(L, arg, first, arg, "argv");
}

/* Replace the value on top of the stack with "NAME=value"; the name stays below
 * it. */
static void join_pair(lua_State *L, int arg)
{
    const char *value = check_element(L, arg, "env");
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);

    if (length == 0 || strcspn(name, "=") != length)
        reject(L, arg, "env",
               "a name must not be empty, nor contain = or zero");
    lua_pushfstring(L, "%s=%s", name, value);
    lua_replace(L, -2);
}

/* Check that the value on top of the stack has the form "NAME=value". */
static void check_pair(lua_State *L, int arg)
{
    const char *text = check_element(L, arg, "env");

    if (strchr(text, '=') == NULL)
        reject(L, arg, "env", "an element must have the form NAME=value");
}

/* Push the vector of an environment: {NAME = "value"} or {"NAME=value"}. */
static char *const *push_environment(lua_State *L, int arg)
{
    lua_Integer count = 0;
    int list;

    luaL_checktype(L, arg, LUA_TTABLE);
    lua_newtable(L);
    list = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            join_pair(L, arg);
        else if (lua_isinteger(L, -2))
            check_pair(L, arg);
        else
            reject(L, arg, "env", "a name must be a string");
        lua_rawseti(L, list, ++count);
    }
    return push_vector(L, list, 1, arg, "env");
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
    char *const *env = push_environment(L, 3);

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
