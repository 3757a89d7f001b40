/* interrupt: Lua code that a signal handler has asked for. */
#ifndef SOCKEYE_BASE_INTERRUPT_H
#define SOCKEYE_BASE_INTERRUPT_H

#include <stdbool.h>

#include <lua.h>

/* Run the Lua hook that a signal handler has set, if there is one; it may
 * raise. This is how the `lua` command and sockeye.signal get attention. */
void interrupt_run(lua_State *L);

/* Whether there is one; the next Lua call of the main thread runs it, too. */
bool interrupt_is_due(lua_State *L);

/* The main thread of L's state. */
lua_State *interrupt_main_thread(lua_State *L);

#endif
