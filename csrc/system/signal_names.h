/*
 * signal_names: the signals by name.
 */
#ifndef SOCKEYE_SYSTEM_SIGNAL_NAMES_H
#define SOCKEYE_SYSTEM_SIGNAL_NAMES_H

#include <lua.h>

#include "base/names.h"

#define SIGNAL_NAMES_PROBLEM "no number of a signal"

extern const struct names signal_names;

/* The signal at `arg`, a name or a number of at least `least`. Raises an
 * argument error for another value. */
int signal_names_check(lua_State *L, int arg, int least);

#endif
