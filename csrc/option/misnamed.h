/*
 * misnamed: what a script has probably meant where an option, or its value, is
 * not what it says.
 */
#ifndef SOCKEYE_OPTION_MISNAMED_H
#define SOCKEYE_OPTION_MISNAMED_H

#include "option/type.h"

/* Raise that no option has the name at `arg`, and suggest the nearest one. A
 * name without its prefix counts as near. */
int option_reject_name(lua_State *L, int arg);

/* Raise that the argument is no name: what the script has left out. */
int option_reject_type(lua_State *L, int arg);

/* Raise why setting the option has failed, whose name is at 2 and its value at
 * 3. */
int option_fail(lua_State *L, const struct option *row, int error);

#endif
