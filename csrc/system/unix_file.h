/* path: the files that Unix sockets leave in the file system; the rooms above
 * need nothing of it but its door. */
#ifndef SOCKEYE_SYSTEM_UNIX_FILE_H
#define SOCKEYE_SYSTEM_UNIX_FILE_H

#include <lua.h>

/* Into the primitives of the module table on top of the stack. */
void open_unix_file(lua_State *L);

#endif
