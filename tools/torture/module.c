/*
 * module: how Lua directs the faults.
 *
 * Its functions: names() -> the calls that can fail; errors() -> the errnos by
 * their names; find() -> whether the code that is to fail is loaded;
 * arm{...}, disarm() -> faults, counts; blocks(); descriptors();
 * attempt(f, seconds) -> how, text; called(f, ...) -> the functions it calls.
 */
#include "plan.h"

#include <lauxlib.h>
#include <lua.h>

#if TORTURE_AVAILABLE

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int torture_list_names(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; i < CALL_COUNT; i++) {
        lua_pushstring(L, torture_names[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static const struct {
    const char *name;
    int value;
} resolver_errors[] = {
    {"EAI_ADDRFAMILY", EAI_ADDRFAMILY}, {"EAI_AGAIN", EAI_AGAIN},
    {"EAI_BADFLAGS", EAI_BADFLAGS},     {"EAI_FAIL", EAI_FAIL},
    {"EAI_FAMILY", EAI_FAMILY},         {"EAI_MEMORY", EAI_MEMORY},
    {"EAI_NODATA", EAI_NODATA},         {"EAI_NONAME", EAI_NONAME},
    {"EAI_OVERFLOW", EAI_OVERFLOW},     {"EAI_SERVICE", EAI_SERVICE},
    {"EAI_SOCKTYPE", EAI_SOCKTYPE},     {"EAI_SYSTEM", EAI_SYSTEM},
};

static int torture_errors(lua_State *L)
{
    lua_newtable(L);
    for (int number = 1; number < 256; number++) {
        const char *name = strerrorname_np(number);

        if (name == NULL)
            continue;
        lua_pushinteger(L, number);
        lua_setfield(L, -2, name);
    }
    for (size_t i = 0; i < sizeof resolver_errors / sizeof *resolver_errors;
         i++) {
        lua_pushinteger(L, resolver_errors[i].value);
        lua_setfield(L, -2, resolver_errors[i].name);
    }
    return 1;
}

static int torture_find(lua_State *L)
{
    lua_pushboolean(L, torture_find_code());
    return 1;
}

static int integer_field(lua_State *L, const char *name)
{
    lua_Integer value;

    lua_getfield(L, 1, name);
    value = luaL_optinteger(L, -1, 0);
    lua_pop(L, 1);
    return (int)value;
}

static bool flag_field(lua_State *L, const char *name)
{
    bool value;

    lua_getfield(L, 1, name);
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* arm{call = number, error =, first =, last =, signal =, short =} */
static int torture_arm(lua_State *L)
{
    struct plan *plan = &torture_plan;

    luaL_checktype(L, 1, LUA_TTABLE);
    plan->call = integer_field(L, "call") - 1;
    plan->error = integer_field(L, "error");
    plan->first = integer_field(L, "first");
    plan->last = integer_field(L, "last");
    plan->signalled = flag_field(L, "signal");
    plan->shortened = flag_field(L, "short");
    plan->process = getpid();
    for (int i = 0; i < CALL_COUNT; i++)
        plan->counts[i] = 0;
    plan->fired = 0;
    plan->armed = true;
    return 0;
}

/* disarm() -> how many faults there were, and the counts by name */
static int torture_disarm(lua_State *L)
{
    struct plan *plan = &torture_plan;

    plan->armed = false;
    lua_pushinteger(L, plan->fired);
    lua_newtable(L);
    for (int i = 0; i < CALL_COUNT; i++) {
        if (plan->counts[i] == 0)
            continue;
        lua_pushinteger(L, plan->counts[i]);
        lua_setfield(L, -2, torture_names[i]);
    }
    return 2;
}

static int torture_blocks(lua_State *L)
{
    lua_pushinteger(L, torture_plan.blocks);
    return 1;
}

/* The numbers of the open descriptors, with spaces between. */
static int torture_descriptors(lua_State *L)
{
    luaL_Buffer buffer;

    luaL_buffinit(L, &buffer);
    for (int fd = 0; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) == -1)
            continue;
        lua_pushfstring(L, "%d ", fd);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    return 1;
}

/* ---- one attempt, in a process of its own ---- */

/* In the child: what f returns or raises goes to the parent, with a 0 after. */
static _Noreturn void run_attempt(lua_State *L, int to)
{
    pid_t self = getpid();
    size_t length, written = 0;
    const char *text;

    setpgid(0, 0);
    lua_settop(L, 1);
    lua_call(L, 0, 1);
    torture_plan.armed = false;
    if (getpid() != self)
        _exit(0);
    text = luaL_tolstring(L, -1, &length);
    while (written <= length) {
        ssize_t n = write(to, text + written, length + 1 - written);

        if (n == -1)
            _exit(1);
        written += (size_t)n;
    }
    _exit(0);
}

/* Adds what the child writes. Returns whether it has come to its end. */
static bool read_attempt(lua_State *L, int from, int milliseconds)
{
    struct pollfd ready = {.fd = from, .events = POLLIN};
    luaL_Buffer buffer;
    bool ended = false;

    luaL_buffinit(L, &buffer);
    while (!ended && poll(&ready, 1, milliseconds) == 1) {
        char bytes[4096];
        ssize_t n = read(from, bytes, sizeof bytes);

        ended = n <= 0 || bytes[n - 1] == '\0';
        if (n > 0)
            luaL_addlstring(&buffer, bytes, (size_t)(n - ended));
    }
    luaL_pushresult(&buffer);
    return ended;
}

/* attempt(f, seconds) -> "ended", "hung", or how it ended; and its text */
static int torture_attempt(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 2);
    int ends[2], status;
    bool ended;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) == -1 || (pid = fork()) == -1)
        return luaL_error(L, "torture: %s", strerror(errno));
    if (pid == 0) {
        close(ends[0]);
        run_attempt(L, ends[1]);
    }
    close(ends[1]);
    ended = read_attempt(L, ends[0], (int)(seconds * 1000));
    close(ends[0]);
    if (!ended)
        kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    kill(-pid, SIGKILL);
    if (!ended)
        lua_pushliteral(L, "hung");
    else if (WIFSIGNALED(status))
        lua_pushfstring(L, "signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        lua_pushfstring(L, "status %d", WEXITSTATUS(status));
    else
        lua_pushliteral(L, "ended");
    lua_insert(L, -2);
    return 2;
}

/* ---- which functions are called ---- */

/* A function that is called becomes a key of a table in the registry. */
static void note_function(lua_State *L, lua_Debug *event)
{
    if (lua_checkstack(L, 4) && lua_getinfo(L, "f", event) &&
        lua_rawgetp(L, LUA_REGISTRYINDEX, &torture_plan) == LUA_TTABLE) {
        lua_pushvalue(L, -2);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
    }
}

/* called(f, ...) -> whether it returned, and the set of what it called, also
 * in the coroutines that it made */
static int torture_called(lua_State *L)
{
    int status;

    luaL_checkany(L, 1);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &torture_plan);
    lua_sethook(L, note_function, LUA_MASKCALL, 0);
    status = lua_pcall(L, lua_gettop(L) - 1, 0, 0);
    lua_sethook(L, NULL, 0, 0);
    lua_pushboolean(L, status == LUA_OK);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &torture_plan);
    return 2;
}

static const luaL_Reg functions[] = {
    {"names", torture_list_names}, {"errors", torture_errors},
    {"find", torture_find},        {"arm", torture_arm},
    {"disarm", torture_disarm},    {"blocks", torture_blocks},
    {"attempt", torture_attempt},  {"descriptors", torture_descriptors},
    {"called", torture_called},    {NULL, NULL},
};

#else

static const luaL_Reg functions[] = {{NULL, NULL}};

#endif

int luaopen_torture(lua_State *L);

int luaopen_torture(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
