/*
 * sendfile: a file to a socket, past this process.
 *
 * Follows sendfile(2). A path is opened for the call, and any other descriptor
 * duplicated, so that nothing which happens to it meanwhile goes wrong.
 */
#include <lauxlib.h>

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

/*** Send a file, past this process, going on for as long as it takes
(sendfile(2)).
With an offset, the file's own position does not matter and stays. Without one
it goes on from there, which for a Lua file is what the script has read or
written, and leaves it behind what was sent; a path begins at 0. What the system
cannot send so (some of what is under `/proc`) is copied, and what is no file (a
pipe, another socket) is moved as `splice` does.
@function Socket:sendfile
@param file a path, a Lua file, a `Socket` that adopted a descriptor, or the
number of a descriptor
@int[opt] offset where to begin, in bytes
@int[opt] count how many bytes at most; otherwise all up to the end
@treturn int how many bytes were sent: fewer than `count` at the end of the file
@return `false` and how many bytes were sent, where the rest would have to wait
and must not
@raise as `send`; a time-out counts from the last byte that was sent, and the
error's `sent` is how many were. ENOENT, EACCES, … with the path, by `open`;
EISDIR; ESPIPE for an offset into what has no positions
@usage s:sendfile("/var/www/index.html")
*/
static int socket_sendfile(lua_State *L)
{
    return send_file(L, &socket_check_open(L, 1, "sendfile")->handle, NULL);
}

/*** Send a file after what was written: `Socket:sendfile`.
@function Stream:sendfile
@param file as there
@int[opt] offset
@int[opt] count
@treturn int as there; or `false` and how many bytes of the file were sent
@raise as there and `write`
@usage conn:write("Content-Length: ", size, "\r\n\r\n"):sendfile(path)
*/
static int stream_sendfile(lua_State *L)
{
    struct stream *s = stream_check_open(L, 1, "sendfile", 0);

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
