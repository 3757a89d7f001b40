/*
 * status: what waitpid(2) reports of a child; see status.h.
 */
#include <signal.h>
#include <sys/wait.h>

#include "system/status.h"

int status_push(lua_State *L, int status)
{
    if (WIFEXITED(status)) {
        lua_pushliteral(L, "exit");
        lua_pushinteger(L, WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        lua_pushliteral(L, "signal");
        lua_pushinteger(L, WTERMSIG(status));
    } else if (WIFSTOPPED(status)) {
        lua_pushliteral(L, "stop");
        lua_pushinteger(L, WSTOPSIG(status));
    } else {
        lua_pushliteral(L, "continue");
        lua_pushinteger(L, SIGCONT);
    }
    return 2;
}
