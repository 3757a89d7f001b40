/*
 * names: the system's constants by name.
 *
 * A file lists the constants that it understands in a `struct names`. From that
 * one list, scripts get the numbers (sockeye.MSG_PEEK) and may use the names
 * ("peek", "MSG_PEEK") instead.
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
    const char *kind;        /* what messages call one of them: "family" */
    const char *prefixes[2]; /* "AF_", "PF_"; the second may be NULL */
    const struct name *rows; /* ends with a row without text */
};

/* The number of a name; false: there is none such. */
bool names_find(const struct names *names, const char *text,
                lua_Integer *value);

/* The number for a name, or for a number written as text, up to `most`. */
bool names_parse(const struct names *names, const char *text, uint32_t most,
                 uint32_t *number);

/* The number for the name or integer at index `arg`; else argument error. */
lua_Integer names_check(lua_State *L, int arg, const struct names *names);
lua_Integer names_opt(lua_State *L, int arg, const struct names *names,
                      lua_Integer absent);

/* The same for several names in one string, combined by OR; nil is 0. */
int names_check_flags(lua_State *L, int arg, const struct names *names);

/* The same for any value. False: what is wrong with it is pushed. */
bool names_read(lua_State *L, int index, const struct names *names,
                lua_Integer *value);
bool names_read_flags(lua_State *L, int index, const struct names *names,
                      int *flags);

/* The same as the results of a primitive: the number, or nil and what is wrong
 * with the value. */
int names_push_read(lua_State *L, int index, const struct names *names);

/* Most calls are given no flags at all, and then it costs nothing. */
static inline int names_flags(lua_State *L, int arg, const struct names *names)
{
    return lua_gettop(L) < arg ? 0 : names_check_flags(L, arg, names);
}

/* Push the name of `value`; the number where it has none. */
void names_push(lua_State *L, const struct names *names, lua_Integer value);

/* The same, whole: "SIGTERM". */
void names_push_constant(lua_State *L, const struct names *names,
                         lua_Integer value);

/* Set every constant, under each of its prefixes, in the table on top. A name
 * with a hyphen is none in C, but another of the same number. */
void names_export(lua_State *L, const struct names *names);

#endif
