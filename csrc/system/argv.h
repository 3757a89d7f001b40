/*
 * argv: the arguments and the environment of a program, as execve(2) takes
 * them.
 */
#ifndef SOCKEYE_SYSTEM_ARGV_H
#define SOCKEYE_SYSTEM_ARGV_H

#include <lua.h>

/* Strings of one list, far more than any system passes on (execve(2)). */
#define ARGV_MOST ((size_t)1 << 20)

/* Push a userdata with pointers to the elements of the list at `index`, from
 * `first` on, with NULL at the end and a free place before the first; below it a
 * list of the strings, which keeps them alive whatever becomes of the script's
 * list. Errors blame `arg` and name the `list`. */
char **argv_push_list(lua_State *L, int index, lua_Integer first, int arg,
                      const char *list);

/* Push likewise the environment at `index`, {NAME = "value"} or {"NAME=value"},
 * and one more list below it. */
char **argv_push_environment(lua_State *L, int index, int arg);

#endif
