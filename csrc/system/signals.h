/* signals: signal handlers written in Lua. */
#ifndef SOCKEYE_SYSTEM_SIGNALS_H
#define SOCKEYE_SYSTEM_SIGNALS_H

#include <sys/types.h>

#include <lua.h>

/* Call kill(2). If L's state has a handler for the signal, and this process is
 * among those it is sent to, then it has been caught here on return, and
 * interrupt_run calls the handler. Returns zero or errno. */
int signals_send(lua_State *L, pid_t pid, int number);

#endif
