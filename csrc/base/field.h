/*
 * field: the fields of tables: of arguments, and of what comes back.
 *
 * `index` is the table's, an absolute one; `arg` the argument whose error it is
 * when something is wrong with it.
 */
#ifndef SOCKEYE_BASE_FIELD_H
#define SOCKEYE_BASE_FIELD_H

#include <stdbool.h>

#include <lua.h>

#include "base/names.h"

/* "field 'group': what" as an argument error. */
int field_argerror(lua_State *L, int arg, const char *name, const char *what);

/* That it is a table with no field but those named; NULL ends them. */
void field_check_names(lua_State *L, int arg, int index,
                       const char *const *names);

/* Which of the names the key at -2 is; else argument error. For walks with
 * lua_next. */
int field_find(lua_State *L, int arg, const char *const *names);

/* The integer on top of the stack, which stays there: a field's value. */
lua_Integer field_value(lua_State *L, int arg, const char *name,
                        lua_Integer low, lua_Integer high);

/* An integer within a range. */
lua_Integer field_integer(lua_State *L, int arg, int index, const char *name,
                          lua_Integer low, lua_Integer high);

/* The same, or `absent` for nil. */
lua_Integer field_opt_integer(lua_State *L, int arg, int index,
                              const char *name, lua_Integer low,
                              lua_Integer high, lua_Integer absent);

/* A name or number, 0 to `high`; or `absent` for nil. */
lua_Integer field_opt_name(lua_State *L, int arg, int index, const char *name,
                           const struct names *names, lua_Integer high,
                           lua_Integer absent);

/* Flags, as names or as a number; 0 for nil. */
int field_flags(lua_State *L, int arg, int index, const char *name,
                const struct names *names);

/* The integer that is the argument itself, within a range. */
lua_Integer field_check_range(lua_State *L, int arg, lua_Integer low,
                              lua_Integer high);

/* Where the argument itself is the table. */
static inline void check_fields(lua_State *L, int arg, const char *const *names)
{
    field_check_names(L, arg, arg, names);
}

static inline lua_Integer check_number_field(lua_State *L, int arg,
                                             const char *name, lua_Integer low,
                                             lua_Integer high)
{
    return field_integer(L, arg, arg, name, low, high);
}

/* Set a field of the table on top. A string may be NULL: it is absent. */
void field_set_boolean(lua_State *L, const char *name, bool value);
void field_set_integer(lua_State *L, const char *name, lua_Integer number);
void field_set_string(lua_State *L, const char *name, const char *text);

/* The same: the name that `value` has; the number where it has none. */
void field_set_name(lua_State *L, const char *name, const struct names *names,
                    lua_Integer value);

/* Set to true those named by the rows whose bits are in `flags`. */
void field_set_flags(lua_State *L, const struct name *rows, lua_Integer flags);

#endif
