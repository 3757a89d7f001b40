/*
 * loaded: keeps the module's code in memory when its Lua state is closed: threads
 * and signal handlers may still run it; and Lua before 5.4.3 goes on in it if a
 * finalizer that the end of the state calls collects garbage. Follows dladdr(3)
 * and dlopen(3).
 */
#include <dlfcn.h>
#include <stddef.h>

#include "open.h"

static const char here = 'k';

void open_loaded(lua_State *L)
{
    Dl_info info;

    (void)L;
    if (dladdr(&here, &info) != 0 && info.dli_fname != NULL)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}
