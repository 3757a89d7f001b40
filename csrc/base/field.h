/*
 * field: reads fields of argument tables, sets fields of results.
 *
 * `index`: the absolute index of the table; `arg`: the argument to blame in
 * errors.
 */
#ifndef SOCKEYE_BASE_FIELD_H
#define SOCKEYE_BASE_FIELD_H

#include <stdbool.h>

#include <lua.h>

#include "base/names.h"

/* Raise "field 'group': what" as an argument error. */
int field_argerror(lua_State *L, int arg, const char *name, const char *what);

/* Check that it is a table with no other fields than `names`, which NULL
 * ends. */
void field_check_names(lua_State *L, int arg, int index,
                       const char *const *names);

/* Find the key at -2 among the names, during a walk with lua_next. Returns its
 * place; raises an argument error for another. */
int field_find(lua_State *L, int arg, const char *const *names);

/* Read the integer on top of the stack, a field's value; it stays there. */
lua_Integer field_value(lua_State *L, int arg, const char *name,
                        lua_Integer low, lua_Integer high);

/* How many elements the list at `index` has: the argument itself where `name`
 * is NULL, else its field. Raises an argument error if there are more than
 * `most`: whatever is as large as the list says is allocated, counted or
 * multiplied after this check alone. The list may change as soon as Lua code
 * runs, so that each element is checked when it is read. */
size_t field_count(lua_State *L, int arg, int index, const char *name,
                   size_t most);

/* Read an integer within a range. */
lua_Integer field_integer(lua_State *L, int arg, int index, const char *name,
                          lua_Integer low, lua_Integer high);

/* As field_integer, but return `absent` for nil. */
lua_Integer field_opt_integer(lua_State *L, int arg, int index,
                              const char *name, lua_Integer low,
                              lua_Integer high, lua_Integer absent);

/* Read a name, or a number from 0 to `high`; return `absent` for nil. */
lua_Integer field_opt_name(lua_State *L, int arg, int index, const char *name,
                           const struct names *names, lua_Integer high,
                           lua_Integer absent);

/* Read flags, given as names or as a number; return 0 for nil. */
int field_flags(lua_State *L, int arg, int index, const char *name,
                const struct names *names);

/* Return the integer argument `arg`, which must be within the range. */
lua_Integer field_check_range(lua_State *L, int arg, lua_Integer low,
                              lua_Integer high);

/* As field_check_names, for an argument that is the table itself. */
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

/* Set a field of the table on top. A NULL string leaves it absent. */
void field_set_boolean(lua_State *L, const char *name, bool value);
void field_set_integer(lua_State *L, const char *name, lua_Integer number);
void field_set_string(lua_State *L, const char *name, const char *text);

/* Set a field to the name of `value`, or to the number if it has none. */
void field_set_name(lua_State *L, const char *name, const struct names *names,
                    lua_Integer value);

/* Set to true each field that names a bit of `flags`. */
void field_set_flags(lua_State *L, const struct name *rows, lua_Integer flags);

#endif
