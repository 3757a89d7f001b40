/* interrupt: runs the Lua hook that a signal handler has set. */
#ifndef SOCKEYE_BASE_INTERRUPT_H
#define SOCKEYE_BASE_INTERRUPT_H

#include <stdbool.h>

#include <lua.h>

/* Run the hook, if a signal handler has set one; it may raise. The `lua`
 * command and sockeye.signal set such hooks. */
void interrupt_run(lua_State *L);

/* Call where L's state may have come to another thread: signals find it there.
 * interrupt_run does so itself. */
void interrupt_find_thread(lua_State *L);

/* Have those call `find`, with the main thread. NULL: none. */
void interrupt_on_find(void (*find)(lua_State *main));

/* Return whether a hook is set. Lua itself runs it at the next call in the main
 * thread. Needs one slot of the stack. */
bool interrupt_is_due(lua_State *L);

/* Return the main thread of L's state. */
lua_State *interrupt_main_thread(lua_State *L);

#endif
