/*
 * misnamed: what a script has probably meant where an option, or its value, is
 * not what it says; see misnamed.h.
 *
 * setsockopt(2), socket(7).
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/quote.h"
#include "option/misnamed.h"

int option_reject_name(lua_State *L, int arg)
{
    struct nearest nearest;
    size_t length;
    const char *wanted = lua_tolstring(L, arg, &length);

    nearest_start(&nearest, wanted, length);
    for (const struct option *row = option_rows; row->name; row++) {
        const char *underscore = strchr(row->name, '_');

        nearest_offer(&nearest, row->name);
        if (underscore && strcasecmp(underscore + 1, nearest.wanted) == 0) {
            nearest.best = row->name;
            break;
        }
    }
    return nearest_argerror(L, arg, "option", &nearest);
}

/* Return whether the numbers at 2 and 3 are those of a known option. */
static bool is_level_and_number(lua_State *L)
{
    const struct option *row = option_rows;

    if (!lua_isinteger(L, 2) || !lua_isinteger(L, 3))
        return false;
    while (row->name != NULL && (row->level != lua_tointeger(L, 2) ||
                                 row->number != lua_tointeger(L, 3)))
        row++;
    return row->name != NULL;
}

int option_reject_type(lua_State *L, int arg)
{
    const char *expected = "string expected, got number; an option's number "
                           "comes after its level";

    if (lua_isnil(L, arg))
        expected = "string expected, got nil; a constant may be misspelled";
    else if (lua_type(L, arg) != LUA_TNUMBER)
        return argument_type_error(L, arg, "string");
    else if (is_level_and_number(L))
        expected = "string expected, got number; the value is missing after "
                   "this level and option";
    return argument_error(L, arg, expected);
}

int option_fail(lua_State *L, const struct option *row, int error)
{
    struct quote quote;

    error_push(L, "setsockopt", error, 2);
    if (row->type == &option_device && error == ENODEV) {
        lua_pushfstring(L, "no interface has this name: '%s'",
                        quote_value(L, 3, &quote));
        lua_setfield(L, -2, "message");
    }
    return lua_error(L);
}
