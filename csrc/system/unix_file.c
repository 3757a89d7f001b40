/*
 * unix_file: the files of Unix sockets in the file system.
 *
 * Follows lstat(2), chmod(2) and unix(7). The functions are primitives for
 * lua/sockeye/listen.lua and lua/sockeye/serve.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include <lauxlib.h>

#include "base/error.h"
#include "open.h"

/* socket_file(path): returns a string that identifies the file, if it is a
 * socket's; nil for any other file, or if there is none. */
static int sockeye_socket_file(lua_State *L)
{
    struct stat status;

    if (lstat(luaL_checkstring(L, 1), &status) == -1 ||
        !S_ISSOCK(status.st_mode)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushfstring(L, "%I:%I:%I:%d", (LUAI_UACINT)status.st_dev,
                    (LUAI_UACINT)status.st_ino,
                    (LUAI_UACINT)status.st_ctim.tv_sec,
                    (int)status.st_ctim.tv_nsec);
    return 1;
}

/* chmod(path, mode): sets the mode of a file. */
static int sockeye_chmod(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    lua_Integer mode = luaL_checkinteger(L, 2);

    if (chmod(path, (mode_t)mode) == -1)
        return error_raise(L, "chmod", errno, 1);
    return 0;
}

void open_unix_file(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"chmod", sockeye_chmod},
        {"socket_file", sockeye_socket_file},
        {NULL, NULL},
    };

    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
