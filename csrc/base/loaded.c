/*
 * loaded: keeps the module's code in memory; see loaded.h. Follows dladdr(3) and
 * dlopen(3).
 */
#include <dlfcn.h>
#include <stddef.h>

#include "base/loaded.h"

static const char here = 'k';

void loaded_keep(void)
{
    Dl_info info;

    if (dladdr(&here, &info) != 0 && info.dli_fname != NULL)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}
