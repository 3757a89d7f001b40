/* signals: signal handlers written in Lua. */
#ifndef SOCKEYE_SYSTEM_SIGNALS_H
#define SOCKEYE_SYSTEM_SIGNALS_H

#include <stdbool.h>

#include <lua.h>

/* Send a signal to this thread, if L's state has a handler for it: then it has
 * been caught, and interrupt_run calls the handler. False: the state has none.
 */
bool signals_send_self(lua_State *L, int number);

/* In a child that was just forked: drop the signals that were caught before,
 * which the parent handles. */
void signals_forked(void);

#endif
