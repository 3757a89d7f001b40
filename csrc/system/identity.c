/*
 * identity: what a process is and may do: its session, user, groups, mask of new
 * files, folder and limits.
 *
 * Follows the manual pages of section 2 of the same names, getpwnam(3) and
 * getgrnam(3). Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <grp.h>
#include <math.h>
#include <pwd.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/field.h"
#include "base/names.h"
#include "base/text.h"
#include "open.h"

#define GROUPS_MOST 65536 /* NGROUPS_MAX of Linux */
#define ENTRY_LEAST 1024  /* bytes for an entry of the user database */
#define ENTRY_MOST (1 << 24)

/* clang-format off */
static const struct name limit_rows[] = {
    {"core", RLIMIT_CORE}, {"cpu", RLIMIT_CPU}, {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE}, {"nofile", RLIMIT_NOFILE},
    {"stack", RLIMIT_STACK},
#ifdef RLIMIT_AS
    {"as", RLIMIT_AS},
#endif
#ifdef RLIMIT_MEMLOCK
    {"memlock", RLIMIT_MEMLOCK},
#endif
#ifdef RLIMIT_MSGQUEUE
    {"msgqueue", RLIMIT_MSGQUEUE},
#endif
#ifdef RLIMIT_NICE
    {"nice", RLIMIT_NICE},
#endif
#ifdef RLIMIT_NPROC
    {"nproc", RLIMIT_NPROC},
#endif
#ifdef RLIMIT_RSS
    {"rss", RLIMIT_RSS},
#endif
#ifdef RLIMIT_RTPRIO
    {"rtprio", RLIMIT_RTPRIO},
#endif
#ifdef RLIMIT_RTTIME
    {"rttime", RLIMIT_RTTIME},
#endif
#ifdef RLIMIT_SIGPENDING
    {"sigpending", RLIMIT_SIGPENDING},
#endif
    {NULL, 0},
};
/* clang-format on */

static const struct names limit_names = {
    "limit", {"RLIMIT_", NULL}, limit_rows};

/* ---- users and groups by name ---- */

/* Look a name up, with memory for its entry. Returns zero, with *id set if
 * *found; or errno. */
typedef int look_up(const char *name, char *memory, size_t size, bool *found,
                    uint32_t *id);

static int look_up_user(const char *name, char *memory, size_t size,
                        bool *found, uint32_t *id)
{
    struct passwd entry, *result = NULL;
    int error = getpwnam_r(name, &entry, memory, size, &result);

    *found = error == 0 && result != NULL;
    if (*found)
        *id = entry.pw_uid;
    return error;
}

static int look_up_group(const char *name, char *memory, size_t size,
                         bool *found, uint32_t *id)
{
    struct group entry, *result = NULL;
    int error = getgrnam_r(name, &entry, memory, size, &result);

    *found = error == 0 && result != NULL;
    if (*found)
        *id = entry.gr_gid;
    return error;
}

struct database {
    look_up *find;
    const char *call; /* for errors */
};

static const struct database user_file = {look_up_user, "getpwnam"};
static const struct database group_file = {look_up_group, "getgrnam"};

/* Return the number of the user or group with the name at `index`, for `caller`.
 * Raises ENOENT if there is none. */
static uint32_t find_id(lua_State *L, int index, const struct database *in,
                        const char *caller)
{
    const char *name = lua_tostring(L, index);
    size_t size = ENTRY_LEAST;
    uint32_t id = 0;
    bool found;
    int error;

    do {
        char *memory = lua_newuserdatauv(L, size, 0);

        error = in->find(name, memory, size, &found, &id);
        lua_pop(L, 1);
        size *= 2;
    } while (error == EINTR || (error == ERANGE && size <= ENTRY_MOST));
    if (!found)
        error_raise_for(L, caller, in->call, error ? error : ENOENT, index);
    return id;
}

/* Return the user or group at `index`, a number or a name. Raises an argument
 * error for `arg`. */
static uint32_t check_id(lua_State *L, int arg, int index,
                         const struct database *in, const char *caller)
{
    int is_integer;
    lua_Integer id;
    size_t length;
    const char *name;

    if (lua_type(L, index) == LUA_TSTRING) {
        name = lua_tolstring(L, index, &length);
        luaL_argcheck(L, text_is_whole(name, length), arg,
                      "name contains a zero");
        return find_id(L, index, in, caller);
    }
    id = lua_tointegerx(L, index, &is_integer);
    luaL_argcheck(L, is_integer, arg, "a name or an integer expected");
    luaL_argcheck(L, id >= 0 && id < UINT32_MAX, arg, "id out of range");
    return (uint32_t)id;
}

static int end_call(lua_State *L, int result, const char *call, int subject)
{
    return result == -1 ? error_raise(L, call, errno, subject) : 0;
}

/*** Begin a session, with a process group of its own and without a terminal
(setsid(2)).
@function setsid
@treturn int the session's id, which is that of this process
@raise EPERM if this process leads a process group: a forked child does not
*/
static int sockeye_setsid(lua_State *L)
{
    pid_t id = setsid();

    if (id == -1)
        return error_raise(L, "setsid", errno, 0);
    lua_pushinteger(L, id);
    return 1;
}

/*** Become another user (setuid(2)).
A privileged process becomes that user for good. To drop all privileges call
`setgroups`, then `setgid`, then `setuid`.
@function setuid
@param user a number; or a name, which is looked up in the user database
(getpwnam(3))
@raise EPERM; ENOENT with `call` "getpwnam" for a name that does not exist
@usage
sockeye.setgroups{}
sockeye.setgid("nogroup")
sockeye.setuid("nobody")
*/
static int sockeye_setuid(lua_State *L)
{
    uint32_t id = check_id(L, 1, 1, &user_file, "setuid");

    return end_call(L, setuid(id), "setuid", 1);
}

/*** Become a member of another group, instead of the one before (setgid(2)).
@function setgid
@param group a number; or a name, which is looked up in the group database
(getgrnam(3))
@raise EPERM; ENOENT with `call` "getgrnam" for a name that does not exist
@usage sockeye.setgid("www-data")
*/
static int sockeye_setgid(lua_State *L)
{
    uint32_t id = check_id(L, 1, 1, &group_file, "setgid");

    return end_call(L, setgid(id), "setgid", 1);
}

/*** Set the other groups that this process belongs to (setgroups(2)).
@function setgroups
@tparam table groups a list of numbers and names, which are as for `setgid`
@raise EPERM, EINVAL; ENOENT with `call` "getgrnam"
@usage sockeye.setgroups{}
*/
static int sockeye_setgroups(lua_State *L)
{
    size_t count;
    gid_t *groups;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = field_count(L, 1, 1, NULL, GROUPS_MOST);
    groups = lua_newuserdatauv(L, (count + 1) * sizeof *groups, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        groups[i] = check_id(L, 1, lua_gettop(L), &group_file, "setgroups");
        lua_pop(L, 1);
    }
    return end_call(L, setgroups(count, groups), "setgroups", 0);
}

/* ---- files ---- */

/*** Set which permissions the files that this process creates do not get
(umask(2)).
@function umask
@int mask 0 to 511 (`0x1ff`): bits of permissions, as open(2) has them
@treturn int the mask before
@usage local before = sockeye.umask(63)     -- 0077 of the shell
*/
static int sockeye_umask(lua_State *L)
{
    lua_Integer mask = field_check_range(L, 1, 0, 0777);

    lua_pushinteger(L, umask((mode_t)mask));
    return 1;
}

/*** Set the folder in which relative paths begin (chdir(2)).
@function chdir
@string path
@raise ENOENT, ENOTDIR, EACCES, …
@usage sockeye.chdir("/")
*/
static int sockeye_chdir(lua_State *L)
{
    const char *path = text_check(L, 1, "path");

    return end_call(L, chdir(path), "chdir", 1);
}

/* ---- limits ---- */

static void push_limit(lua_State *L, rlim_t limit)
{
    if (limit == RLIM_INFINITY)
        lua_pushnumber(L, HUGE_VAL);
    else
        lua_pushinteger(L, limit > LUA_MAXINTEGER ? LUA_MAXINTEGER
                                                  : (lua_Integer)limit);
}

/* The limit at `arg`; `absent` for nil. */
static rlim_t opt_limit(lua_State *L, int arg, rlim_t absent)
{
    lua_Integer limit;

    if (lua_isnoneornil(L, arg))
        return absent;
    if (luaL_checknumber(L, arg) == HUGE_VAL)
        return RLIM_INFINITY;
    limit = luaL_checkinteger(L, arg);
    luaL_argcheck(L, limit >= 0, arg, "limit must not be negative");
    return (rlim_t)limit;
}

static int check_resource(lua_State *L)
{
    lua_Integer resource = names_check(L, 1, &limit_names);

    luaL_argcheck(L, resource >= 0 && resource <= INT32_MAX, 1,
                  "limit out of range");
    return (int)resource;
}

/*** Return a limit of this process (getrlimit(2)).
@function getrlimit
@param resource `"nofile"` (how many descriptors), `"core"`, `"as"`, … (also
`"RLIMIT_NOFILE"`, `sockeye.RLIMIT_NOFILE`)
@treturn number the limit in force, in the units of the manual page: an integer,
or `math.huge` for none
@treturn number up to which this process may raise it
@raise EINVAL for a number that is no limit
@usage local soft, hard = sockeye.getrlimit("nofile")
*/
static int sockeye_getrlimit(lua_State *L)
{
    struct rlimit limit;

    if (getrlimit(check_resource(L), &limit) == -1)
        return error_raise(L, "getrlimit", errno, 0);
    push_limit(L, limit.rlim_cur);
    push_limit(L, limit.rlim_max);
    return 2;
}

/*** Set a limit of this process, which its children inherit (setrlimit(2)).
@function setrlimit
@param resource as for `getrlimit`
@tparam[opt] number soft the limit in force; nil: as before
@tparam[opt] number hard up to which it may be raised; nil: as before
@raise EPERM if `hard` is raised without privilege; EINVAL if `soft` is larger
than `hard`
@usage
local _, hard = sockeye.getrlimit("nofile")
sockeye.setrlimit("nofile", hard)
*/
static int sockeye_setrlimit(lua_State *L)
{
    int resource = check_resource(L);
    struct rlimit limit;

    if (getrlimit(resource, &limit) == -1)
        return error_raise(L, "setrlimit", errno, 0);
    limit.rlim_cur = opt_limit(L, 2, limit.rlim_cur);
    limit.rlim_max = opt_limit(L, 3, limit.rlim_max);
    return end_call(L, setrlimit(resource, &limit), "setrlimit", 0);
}

void open_identity(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"chdir", sockeye_chdir},
        {"getrlimit", sockeye_getrlimit},
        {"setgid", sockeye_setgid},
        {"setgroups", sockeye_setgroups},
        {"setrlimit", sockeye_setrlimit},
        {"setsid", sockeye_setsid},
        {"setuid", sockeye_setuid},
        {"umask", sockeye_umask},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &limit_names);
}
