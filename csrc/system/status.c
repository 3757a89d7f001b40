/*
 * status: what waitpid(2) reports of a child; see status.h.
 *
 * The registry keeps the words.
 */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

#include "open.h"
#include "system/status.h"

static const char *const words[] = {"exit", "signal", "stop", "continue", NULL};

enum { EXIT, SIGNAL, STOP, CONTINUE };

static int push(lua_State *L, int word, int number)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &words[word]);
    lua_pushinteger(L, number);
    return 2;
}

int status_push(lua_State *L, int status)
{
    if (WIFEXITED(status))
        return push(L, EXIT, WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        return push(L, SIGNAL, WTERMSIG(status));
    if (WIFSTOPPED(status))
        return push(L, STOP, WSTOPSIG(status));
    return push(L, CONTINUE, SIGCONT);
}

void open_status(lua_State *L)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        lua_pushstring(L, words[i]);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &words[i]);
    }
}
