/* loaded: keeps the module's code in memory. */
#ifndef SOCKEYE_BASE_LOADED_H
#define SOCKEYE_BASE_LOADED_H

/* Call before a thread or a signal handler may run code of the module: then it
 * stays loaded when its Lua state is closed. */
void loaded_keep(void);

#endif
