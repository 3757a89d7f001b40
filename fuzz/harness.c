/*
 * harness: runs the fuzz targets; see harness.h.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lualib.h>

#include "base/error.h"
#include "harness.h"
#include "kernel.h"
#include "socket/socket.h"

/* Lua 5.5 is given what it seeds its hashes with. */
#if LUA_VERSION_NUM >= 505
#define new_state(allocate, data) lua_newstate(allocate, data, 0)
#else
#define new_state(allocate, data) lua_newstate(allocate, data)
#endif

enum { DESCRIPTORS = 256 };

const struct fuzz_target fuzz_targets[] = {
    {"address", NULL},
    {"control_read", fuzz_control_read},
    {"control_write", fuzz_control_write},
    {"dns", NULL},
    {"endpoint", NULL},
    {"filter", NULL},
    {"finalizers", NULL},
    {"getsockopt", NULL},
    {"netlink", NULL},
    {"netlink_walk", fuzz_netlink_walk},
    {"recvmany", NULL},
    {"rtnetlink", NULL},
    {"sniffer", NULL},
    {"sockaddr", NULL},
    {"sockname", NULL},
    {"stream", NULL},
    {NULL, NULL},
};

int luaopen_sockeye_core(lua_State *L);

/* ---- memory ---- */

static void *allocate(void *data, void *block, size_t before, size_t after)
{
    struct fuzz *f = data;
    size_t was = block == NULL ? 0 : before;
    void *moved;

    if (after > was && f->left >= 0 && f->left-- <= 1) {
        f->left = 0;
        f->refused = true;
        return NULL;
    }
    f->used = f->used - was + after;
    if (after == 0) {
        free(block);
        return NULL;
    }
    moved = realloc(block, after);
    if (moved == NULL)
        abort();
    return moved;
}

static struct fuzz *fuzz_of(lua_State *L)
{
    void *f;

    lua_getallocf(L, &f);
    return f;
}

void fuzz_limit(lua_State *L, long requests)
{
    fuzz_of(L)->left = requests;
}

int fuzz_starve(lua_State *L, long requests, int arguments, int results)
{
    int status;

    fuzz_of(L)->refused = false;
    fuzz_limit(L, requests);
    status = lua_pcall(L, arguments, results, 0);
    fuzz_limit(L, -1);
    return status;
}

/* starve(requests, f, ...): calls f with limited memory, as pcall does. */
static int script_starve(lua_State *L)
{
    long requests = (long)luaL_checkinteger(L, 1);
    int status = fuzz_starve(L, requests, lua_gettop(L) - 2, LUA_MULTRET);

    lua_pushboolean(L, status == LUA_OK);
    lua_replace(L, 1);
    return lua_gettop(L);
}

/* ---- checks ---- */

void fuzz_check(lua_State *L, bool holds, const char *text)
{
    if (!holds)
        luaL_error(L, "%s", text);
}

void fuzz_check_error(lua_State *L)
{
    const char *text = lua_tostring(L, -1);

    if (error_is(L, -1) || fuzz_of(L)->refused)
        return;
    fuzz_check(L, text != NULL, "an error that is no text");
    if (strstr(text, "bad argument #") == NULL)
        luaL_error(L, "an error that names no argument: %s", text);
}

static int script_check_error(lua_State *L)
{
    lua_settop(L, 1);
    fuzz_check_error(L);
    return 0;
}

/* Finds out which of the first descriptors are open. */
static void find_open_descriptors(bool open[DESCRIPTORS])
{
    struct pollfd fds[DESCRIPTORS];

    for (int i = 0; i < DESCRIPTORS; i++)
        fds[i] = (struct pollfd){.fd = i};
    while (poll(fds, DESCRIPTORS, 0) == -1)
        continue;
    for (int i = 0; i < DESCRIPTORS; i++)
        open[i] = !(fds[i].revents & POLLNVAL);
}

static bool say(struct fuzz *f, const char *what, const char *more)
{
    snprintf(f->problem, sizeof f->problem, "%s%s", what, more);
    return false;
}

static bool same_descriptors(struct fuzz *f, const bool before[DESCRIPTORS])
{
    bool after[DESCRIPTORS];

    find_open_descriptors(after);
    if (memcmp(before, after, sizeof after) == 0)
        return true;
    if (f->L != NULL) {
        lua_gc(f->L, LUA_GCCOLLECT);
        lua_gc(f->L, LUA_GCCOLLECT);
        find_open_descriptors(after);
    }
    for (int i = 0; i < DESCRIPTORS; i++) {
        if (before[i] != after[i]) {
            char number[32];

            snprintf(number, sizeof number, "%d", i);
            return say(f, after[i] ? "left open: " : "closed: ", number);
        }
    }
    return true;
}

/* ---- for targets ---- */

struct supply supply_of(lua_State *L, int arg)
{
    struct supply s;

    s.bytes = (const unsigned char *)luaL_checklstring(L, arg, &s.left);
    return s;
}

unsigned take_byte(struct supply *s)
{
    if (s->left == 0)
        return 0;
    s->left--;
    return *s->bytes++;
}

const unsigned char *take_bytes(struct supply *s, size_t *size)
{
    const unsigned char *bytes = s->bytes;

    if (*size > s->left)
        *size = s->left;
    s->bytes += *size;
    s->left -= *size;
    return bytes;
}

void *push_exact(lua_State *L, const void *bytes, size_t size)
{
    void *copy = lua_newuserdatauv(L, size, 0);

    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

static const char socket_key = 's';

struct socket *fuzz_socket(lua_State *L)
{
    struct socket *s;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &socket_key);
    s = socket_check(L, lua_gettop(L));
    lua_pop(L, 1);
    return s;
}

/* ---- the state ---- */

/* Sets the globals `core` and `fuzz`, and the path of this checkout. */
static void open_modules(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"answered", kernel_answered},
        {"check_error", script_check_error},
        {"starve", script_starve},
        {NULL, NULL},
    };

    luaL_openlibs(L);
    luaL_requiref(L, "sockeye.core", luaopen_sockeye_core, 0);
    lua_getfield(L, -1, "socket");
    lua_pushstring(L, "inet");
    lua_pushstring(L, "dgram");
    lua_call(L, 2, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &socket_key);
    lua_setglobal(L, "core");
    luaL_newlib(L, functions);
    lua_setglobal(L, "fuzz");
    lua_getglobal(L, "package");
    lua_pushstring(L, "./lua/?.lua;./lua/?/init.lua;./?.lua");
    lua_setfield(L, -2, "path");
    lua_pop(L, 1);
}

/* Leaves the target's function on the stack. */
static int prepare(lua_State *L)
{
    const struct fuzz *f = lua_touserdata(L, 1);
    const char *path;

    open_modules(L);
    if (f->target->run != NULL) {
        lua_pushcfunction(L, f->target->run);
        return 1;
    }
    path = lua_pushfstring(L, "fuzz/%s.lua", f->target->name);
    if (luaL_loadfile(L, path) != LUA_OK)
        lua_error(L);
    lua_call(L, 0, 1);
    return 1;
}

static bool call(struct fuzz *f, int arguments, int results)
{
    if (lua_pcall(f->L, arguments, results, 0) == LUA_OK)
        return true;
    say(f, luaL_tolstring(f->L, -1, NULL), "");
    lua_pop(f->L, 2);
    return false;
}

bool fuzz_open(struct fuzz *f, const char *name)
{
    const struct fuzz_target *target = fuzz_targets;

    *f = (struct fuzz){.left = -1};
    while (target->name != NULL && strcmp(target->name, name) != 0)
        target++;
    if (target->name == NULL)
        return say(f, "no such target: ", name);
    f->target = target;
    f->L = new_state(allocate, f);
    lua_pushcfunction(f->L, prepare);
    lua_pushlightuserdata(f->L, f);
    if (call(f, 1, 1))
        return true;
    lua_close(f->L);
    return false;
}

bool fuzz_run(struct fuzz *f, const void *bytes, size_t size)
{
    bool before[DESCRIPTORS];
    bool fine;

    find_open_descriptors(before);
    lua_pushvalue(f->L, 1);
    lua_pushlstring(f->L, bytes, size);
    fine = call(f, 1, 0);
    if (fine && lua_gettop(f->L) != 1)
        fine = say(f, "the stack is not balanced", "");
    return same_descriptors(f, before) && fine;
}

bool fuzz_close(struct fuzz *f)
{
    lua_close(f->L);
    return f->used == 0 || say(f, "memory is still in use", "");
}
