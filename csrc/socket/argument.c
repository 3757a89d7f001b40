/*
 * argument: the descriptor that a script names by a socket, by what wraps one,
 * by a Lua file or by its number; see argument.h.
 */
#include <errno.h>
#include <stdio.h>

#include "base/argument.h"
#include "base/error.h"
#include "socket/argument.h"
#include "socket/socket.h"

/* The descriptor of a Lua file; -1: it is closed. */
static int file_descriptor(const luaL_Stream *file)
{
    return file->closef ? fileno(file->f) : -1;
}

void socket_mark_wrapper(lua_State *L)
{
    lua_pushboolean(L, true);
    lua_rawsetp(L, -2, &socket_tag);
}

/* The socket that is the user value of a userdata of another type, if its
 * metatable is that of a wrapper; else NULL. Allocates nothing: a collection
 * could close descriptors that the caller has noted. */
static struct socket *wrapped_socket(lua_State *L, int index)
{
    struct socket *s = NULL;
    bool is_wrapper;

    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    is_wrapper = lua_rawgetp(L, -1, &socket_tag) == LUA_TBOOLEAN;
    lua_pop(L, 2);
    if (!is_wrapper)
        return NULL;
    if (lua_getiuservalue(L, index, 1) == LUA_TUSERDATA)
        s = socket_test(L, -1);
    lua_pop(L, 1);
    return s;
}

/* The socket at `index`, or that of the wrapper there; or NULL. */
static struct socket *find_socket(lua_State *L, int index)
{
    struct socket *s = socket_test(L, index);

    return s != NULL ? s : wrapped_socket(L, index);
}

void socket_note_shared(lua_State *L, int index)
{
    struct socket *s = find_socket(L, index);

    if (s != NULL)
        s->is_shared = true;
}

int socket_raise_closed(lua_State *L, int index, const char *call)
{
    const char *what = "the file is closed";

    if (socket_test(L, index) != NULL)
        what = "the socket is closed";
    else if (wrapped_socket(L, index) != NULL)
        what = "the stream is closed";
    return error_raise_because(L, call, EBADF, what);
}

struct socket *socket_check_within(lua_State *L, int arg, const char *call)
{
    struct socket *s = find_socket(L, arg);

    if (s == NULL)
        return socket_reject(L, arg, call);
    if (s->handle.fd == -1)
        socket_raise_closed(L, arg, call);
    return s;
}

int socket_descriptor_at(lua_State *L, int index)
{
    const struct socket *s = find_socket(L, index);
    const luaL_Stream *file;
    lua_Integer number;
    int is_integer;

    if (s != NULL)
        return s->handle.fd;
    /* Other libraries return descriptors as floats. */
    if (lua_type(L, index) == LUA_TNUMBER) {
        number = lua_tointegerx(L, index, &is_integer);
        return is_integer && number >= 0 && number <= INT32_MAX ? (int)number
                                                                : NO_DESCRIPTOR;
    }
    file = luaL_testudata(L, index, LUA_FILEHANDLE);
    return file ? file_descriptor(file) : NO_DESCRIPTOR;
}

int socket_check_descriptor(lua_State *L, int arg, const char *call)
{
    int fd = socket_descriptor_at(L, arg);

    if (fd == NO_DESCRIPTOR)
        luaL_typeerror(L, arg, "socket, file or descriptor");
    if (fd == CLOSED_DESCRIPTOR)
        socket_raise_closed(L, arg, call);
    return fd;
}
