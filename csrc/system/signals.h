/* signals: handlers of signals, written in Lua. */
#ifndef SOCKEYE_SYSTEM_SIGNALS_H
#define SOCKEYE_SYSTEM_SIGNALS_H

#include <lua.h>

/* The signal at `arg`, a name or a number from `least`; else argument error. */
int signals_check(lua_State *L, int arg, int least);

/* In a child that was just forked: the signals that were caught before are
 * the parent's. */
void signals_forked(void);

#endif
