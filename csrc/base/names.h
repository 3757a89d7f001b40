/*
 * names: the system's constants by name.
 *
 * A file lists the constants that it understands in a `struct names`. The list
 * defines both the numbers for scripts (sockeye.MSG_PEEK) and the names that
 * arguments may use ("peek", "MSG_PEEK").
 */
#ifndef SOCKEYE_BASE_NAMES_H
#define SOCKEYE_BASE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

struct name {
    const char *text; /* in lower case, without its prefix */
    lua_Integer value;
};

struct names {
    const char *kind;        /* in error messages: "family" */
    const char *prefixes[2]; /* "AF_", "PF_"; the second may be NULL */
    const struct name *rows; /* ends with a row without text */
};

/* Find the number of a name. Returns false if there is no such name. */
bool names_find(const struct names *names, const char *text,
                lua_Integer *value);

/* Read a name, or a number written as text, up to `most`. Returns false for any
 * other text. */
bool names_parse(const struct names *names, const char *text, uint32_t most,
                 uint32_t *number);

/* Return the number for the name or integer at `arg`; raises an argument
 * error. */
lua_Integer names_check(lua_State *L, int arg, const struct names *names);
lua_Integer names_opt(lua_State *L, int arg, const struct names *names,
                      lua_Integer absent);

/* As names_check, for flags: several names in one string, combined by OR. Nil
 * is 0. */
int names_check_flags(lua_State *L, int arg, const struct names *names);

/* As names_check and names_check_flags, for any value; instead of raising, push
 * what is wrong and return false. */
bool names_read(lua_State *L, int index, const struct names *names,
                lua_Integer *value);
bool names_read_flags(lua_State *L, int index, const struct names *names,
                      int *flags);

/* Push the results of a primitive: the number; or nil and what is wrong with
 * the value. Returns how many. */
int names_push_read(lua_State *L, int index, const struct names *names);

/* A fast path of names_check_flags for calls without flags, the usual case. */
static inline int names_flags(lua_State *L, int arg, const struct names *names)
{
    return lua_gettop(L) < arg ? 0 : names_check_flags(L, arg, names);
}

/* Push the name of `value`, or the number if it has none. */
void names_push(lua_State *L, const struct names *names, lua_Integer value);

/* Push the full name of `value`, "SIGTERM", or the number if it has none. */
void names_push_constant(lua_State *L, const struct names *names,
                         lua_Integer value);

/* Set every constant, with each of its prefixes, in the table on top. Names
 * that C cannot have, such as those with a hyphen, are left out. */
void names_export(lua_State *L, const struct names *names);

#endif
