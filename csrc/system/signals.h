/* signals: signal handlers written in Lua. */
#ifndef SOCKEYE_SYSTEM_SIGNALS_H
#define SOCKEYE_SYSTEM_SIGNALS_H

#include <lua.h>

/* The signal at `arg`, a name or a number of at least `least`. Raises an
 * argument error for another value. */
int signals_check(lua_State *L, int arg, int least);

/* In a child that was just forked: drop the signals that were caught before,
 * which the parent handles. */
void signals_forked(void);

#endif
