/*
 * sendfile: sends a file to a socket, inside the kernel.
 *
 * Follows sendfile(2). A path is opened for the call, and a descriptor that is
 * not a socket's is duplicated, so that closing it during the call does no
 * harm.
 */

#include "base/argument.h"
#include "base/error.h"
#include "open.h"
#include "transit/transit.h"

static const struct call sendfile_calls[] = {
    [READING] = {"sendfile", POLLIN, transit_step},
    [WRITING] = {"sendfile", POLLOUT, transit_step},
};

static int send_file(lua_State *L, struct handle *handle, struct stream *stream)
{
    int64_t offset = transit_offset(L, 3);
    uint64_t count = transit_count(L, 4);
    struct transit *m;

    luaL_checkany(L, 2);
    lua_settop(L, TRANSIT - 1);
    m = transit_push(L, sendfile_calls);
    m->to.handle = handle;
    m->to.stream = stream;
    m->to.kind = S_IFSOCK;
    transit_end_open(L, &m->from, 2, "sendfile");
    m->from.offset = offset;
    m->left = count;
    m->way = BY_SENDFILE;
    return transit_run(L, m);
}

/*** Send a file without copying it through this process, in as many calls as it
takes (sendfile(2)).
With an offset, the file's own position is neither used nor moved. Without one,
sending begins at that position, which for a Lua file is where the script reads
or writes next, and moves it behind the last byte sent; a path begins at 0.
Files that the system cannot send like this (some under `/proc`) are copied, and
what is no file (a pipe, another socket) is moved as by `splice`.
@function Socket:sendfile
@param file a path, a Lua file, a `Socket` that adopted a descriptor, or the
number of a descriptor
@int[opt] offset where to begin, in bytes
@int[opt] count the maximum number of bytes; nil: all up to the end
@treturn int how many bytes were sent: fewer than `count` at the end of the file
@return `false` and how many bytes were sent, if the rest would have to wait in
non-blocking mode
@raise as `send`; a time-out counts from the last byte that was sent, and the
error's `sent` is how many were sent. ENOENT, EACCES, … with the path, from
`open`; EISDIR; ESPIPE for an offset into a file that has no positions
@usage s:sendfile("/var/www/index.html")
*/
static int socket_sendfile(lua_State *L)
{
    return send_file(L, &socket_check_open(L, 1, "sendfile")->handle, NULL);
}

/*** Send what was written, and then a file, as `Socket:sendfile`.
@function Stream:sendfile
@param file as `Socket:sendfile` takes it
@int[opt] offset where to begin, in bytes
@int[opt] count the maximum number of bytes
@treturn int how many bytes of the file were sent
@return `false` and how many bytes of the file were sent, if the rest would have
to wait in non-blocking mode
@raise as `Socket:sendfile` and `write`
@usage conn:write("Content-Length: ", size, "\r\n\r\n"):sendfile(path)
*/
static int stream_sendfile(lua_State *L)
{
    struct stream *s = stream_check_writable(L, 1, "sendfile", 0);

    return send_file(L, &s->socket->handle, s);
}

void open_sendfile(lua_State *L)
{
    static const luaL_Reg socket_methods[] = {
        {"sendfile", socket_sendfile},
        {NULL, NULL},
    };
    static const luaL_Reg stream_methods[] = {
        {"sendfile", stream_sendfile},
        {NULL, NULL},
    };

    socket_add_methods(L, socket_methods);
    stream_add_methods(L, stream_methods);
}
