/*
 * unix_file: the files that Unix sockets leave in the file system.
 *
 * Follows flock(2), fchmod(2), unlinkat(2) and unix(7). What is here are
 * primitives for listen and serve, which are written in Lua. Who binds, tests
 * or removes such a file holds a lock on its directory meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address/address.h"
#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/metatable.h"
#include "open.h"
#include "socket/socket.h"

#define PLACE_TYPE "sockeye.unix_file"

#ifndef O_PATH
#define O_PATH O_RDONLY /* which fails for a socket's file */
#endif

/* A file in its directory. Its first user value is the path. */
struct place {
    int directory;    /* locked; or AT_FDCWD, where name is the whole path */
    const char *name; /* in the path */
};

static struct place *check_place(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, PLACE_TYPE);
}

static int place_close(lua_State *L)
{
    struct place *p = check_place(L, 1);
    int fd = p->directory;

    p->directory = AT_FDCWD;
    lua_getiuservalue(L, 1, 1);
    p->name = lua_tostring(L, -1);
    if (fd != AT_FDCWD)
        close(fd);
    return 0;
}

/* Push the path of the directory of the file `path`, up to `name`. */
static const char *push_directory(lua_State *L, const char *path,
                                  const char *name)
{
    if (name == path)
        return lua_pushliteral(L, ".");
    return lua_pushlstring(L, path, (size_t)(name - path));
}

/* Open a directory. Returns -1 where it may not be read, or is none. Raises an
 * error where that is not known: without a descriptor or memory for it. */
static int open_directory(lua_State *L, const char *directory)
{
    bool collected = false;
    int fd;

    do
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd == -1 &&
           (errno == EINTR || descriptor_collect(L, errno, &collected)));
    if (fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        error_raise(L, "open", errno, 1);
    return fd;
}

/* lock_file(path): lock the file's directory until the result is closed; false
 * if another holds the lock. Where the directory may not be read, or its file
 * system has no locks, the result holds none: remove_stale removes nothing. */
static int unix_file_lock(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *directory = push_directory(L, path, name);
    struct place *p = lua_newuserdatauv(L, sizeof *p, 1);
    int fd;

    *p = (struct place){AT_FDCWD, path};
    luaL_setmetatable(L, PLACE_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    fd = open_directory(L, directory);
    if (fd == -1)
        return 1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *p = (struct place){fd, name};
        return 1;
    }
    if (errno == EWOULDBLOCK)
        lua_pushboolean(L, false);
    close(fd);
    return 1;
}

static bool is_socket_there(const struct place *p, struct stat *status)
{
    return fstatat(p->directory, p->name, status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISSOCK(status->st_mode);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

#define IDENTITY_SIZE 64

static void write_identity(const struct stat *status, char *text)
{
    snprintf(text, IDENTITY_SIZE, "%ju:%ju", (uintmax_t)status->st_dev,
             (uintmax_t)status->st_ino);
}

/* The place at `arg`, or that of a path without a lock. */
static struct place place_or_path(lua_State *L, int arg)
{
    if (lua_type(L, arg) == LUA_TSTRING)
        return (struct place){AT_FDCWD, lua_tostring(L, arg)};
    return *check_place(L, arg);
}

/* file_identity(place or path): a string that no other file has while the
 * socket that is bound to it is open; nil for what is no socket's file, or not
 * there. */
static int unix_file_identity(lua_State *L)
{
    const struct place p = place_or_path(L, 1);
    char identity[IDENTITY_SIZE];
    struct stat status;

    if (!is_socket_there(&p, &status)) {
        lua_pushnil(L);
        return 1;
    }
    write_identity(&status, identity);
    lua_pushstring(L, identity);
    return 1;
}

/* Whether nobody listens at the address: connect(2) is refused. */
static bool is_refused(const struct address *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool refused;

    if (fd == -1)
        return false;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    refused = connect(fd, &a->any, a->length) == -1 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Remove the socket's file if nobody listens on it. Returns whether it did.
 * What was tested stays open, so that no other file can take its number
 * meanwhile. */
static bool remove_unused(const struct place *p, const struct address *a)
{
    struct stat before, now;
    bool removed = false;
    int fd;

    fd = openat(p->directory, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (is_socket_there(p, &before) && is_refused(a) &&
        is_socket_there(p, &now) && is_same(&before, &now) &&
        (fd == -1 || (fstat(fd, &before) == 0 && is_same(&before, &now))))
        removed = unlinkat(p->directory, p->name, 0) == 0;
    if (fd != -1)
        close(fd);
    return removed;
}

/* remove_stale(place, address): remove the socket's file if nobody listens on
 * it. Returns whether it did. Without the lock, another may bind the path
 * between the test and the removal, so that nothing is removed. */
static int unix_file_remove_stale(lua_State *L)
{
    const struct place *p = check_place(L, 1);
    const struct address *a = address_test(L, 2);

    luaL_argexpected(L, a != NULL, 2, "address");
    lua_pushboolean(L, p->directory != AT_FDCWD && remove_unused(p, a));
    return 1;
}

/* remove_file(place or path, identity): remove the file if it is still that
 * one. Needs no memory. */
static int unix_file_remove(lua_State *L)
{
    const struct place p = place_or_path(L, 1);
    const char *wanted = luaL_checkstring(L, 2);
    char identity[IDENTITY_SIZE];
    struct stat status;

    if (!is_socket_there(&p, &status))
        return 0;
    write_identity(&status, identity);
    if (strcmp(identity, wanted) == 0)
        unlinkat(p.directory, p.name, 0);
    return 0;
}

/* ---- permissions ---- */

/* preset_mode(socket, mode): the file that bind(2) creates has at most these
 * permissions, where the system has that: Linux does. */
static int unix_file_preset_mode(lua_State *L)
{
    const struct socket *s = socket_check_open(L, 1, "fchmod");
    mode_t mode = (mode_t)luaL_checkinteger(L, 2);

    if (fchmod(s->handle.fd, mode) == -1 && errno != EINVAL)
        return error_raise(L, "fchmod", errno, 0);
    return 0;
}

/* Change the mode of what fd refers to; O_PATH has no call of its own. */
static int change_mode(int fd, mode_t mode)
{
    char link[64];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return chmod(link, mode) == 0 ? 0 : errno;
}

/* Give the file, which our socket has just created, the permissions that the
 * umask took away. Whatever else stands there by now is left alone. */
static int complete_mode(const struct place *p, mode_t mode)
{
    int fd = openat(p->directory, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    int error = 0;

    if (fd == -1)
        return fchmodat(p->directory, p->name, mode, AT_SYMLINK_NOFOLLOW) == 0
                   ? 0
                   : errno;
    if (fstat(fd, &status) == -1)
        error = errno;
    else if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
        error = EPERM;
    else if ((status.st_mode & 0777) != mode)
        error = change_mode(fd, mode);
    close(fd);
    return error;
}

/* set_mode(place, mode) */
static int unix_file_set_mode(lua_State *L)
{
    const struct place *p = check_place(L, 1);
    int error = complete_mode(p, (mode_t)luaL_checkinteger(L, 2));

    if (error == 0)
        return 0;
    lua_getiuservalue(L, 1, 1);
    return error_raise(L, "chmod", error, -1);
}

void open_unix_file(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"file_identity", unix_file_identity},
        {"lock_file", unix_file_lock},
        {"preset_mode", unix_file_preset_mode},
        {"remove_file", unix_file_remove},
        {"remove_stale", unix_file_remove_stale},
        {"set_mode", unix_file_set_mode},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", place_close},
        {"__gc", place_close},
        {NULL, NULL},
    };

    metatable_push(L, PLACE_TYPE, metamethods);
    lua_pop(L, 1);
    lua_getfield(L, -1, "primitives");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
