/*
 * hostname: the name of this host.
 *
 * Follows gethostname(2). Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/text.h"
#include "open.h"

/* The most bytes of a name: on Linux, whatever the C library says. */
#ifdef __linux__
#define NAME_MOST 64
#elif defined HOST_NAME_MAX
#define NAME_MOST HOST_NAME_MAX
#else
#define NAME_MOST _POSIX_HOST_NAME_MAX
#endif

#define BUFFER_SIZE 1024

/*** Return the name of this host (gethostname(2)).
It is the name that the host has given itself, and need not be known to DNS.
@function gethostname
@treturn string
@raise ENAMETOOLONG
@usage print(sockeye.gethostname())
*/
static int sockeye_gethostname(lua_State *L)
{
    char name[BUFFER_SIZE] = "";

    if (gethostname(name, sizeof name) == -1)
        return error_raise(L, "gethostname", errno, 0);
    name[sizeof name - 1] = '\0';
    lua_pushstring(L, name);
    return 1;
}

/*** Give this host another name (sethostname(2)), until it is started again.
Where processes have names of hosts of their own (uts_namespaces(7)), as in a
container, it is the name there.
@function sethostname
@string name at most 64 bytes on Linux
@raise EPERM without the privilege (CAP_SYS_ADMIN); argument error for a name that
is too long
@usage sockeye.sethostname("gateway")
*/
static int sockeye_sethostname(lua_State *L)
{
    const char *name = text_check(L, 1, "host name");
    size_t length = lua_rawlen(L, 1);

    if (length > NAME_MOST)
        luaL_argerror(
            L, 1,
            lua_pushfstring(L, "a host name has at most %d bytes", NAME_MOST));
    if (sethostname(name, length) == -1)
        return error_raise(L, "sethostname", errno, 1);
    return 0;
}

void open_hostname(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"gethostname", sockeye_gethostname},
        {"sethostname", sockeye_sethostname},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
