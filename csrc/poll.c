/*
 * poll: which of several descriptors are ready (poll(2)), however many and
 * whatever their numbers.
 */
#include <errno.h>
#include <poll.h>

#include <lauxlib.h>

#include "error.h"
#include "poll.h"
#include "socket.h"

static const struct {
    char letter;
    short event;
} letters[] = {{'r', POLLIN}, {'w', POLLOUT}, {'p', POLLPRI}, {0, 0}};

/* Stack indices: the caller's table, the list of its keys. */
enum { WANTED = 1, KEYS = 3 };

static short event_of(char letter)
{
    for (int i = 0; letters[i].letter != 0; i++) {
        if (letters[i].letter == letter)
            return letters[i].event;
    }
    return 0;
}

/* The events that the string on top of the stack names. */
static short check_events(lua_State *L)
{
    size_t length = 0;
    const char *text = lua_tolstring(L, -1, &length);
    short events = 0;

    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING && length > 0, WANTED,
                  "values must be \"r\", \"w\", \"rw\" or contain \"p\"");
    for (; length > 0; text++, length--) {
        short event = event_of(*text);

        if (event == 0) {
            lua_pushfstring(L, "unknown event '%c' in a value", *text);
            luaL_argerror(L, WANTED, lua_tostring(L, -1));
        }
        events |= event;
    }
    return events;
}

/* Make the list of the keys; their number. */
static nfds_t list_keys(lua_State *L)
{
    lua_Integer count = 0;

    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, WANTED)) {
        check_events(L);
        lua_pop(L, 1);
        luaL_argcheck(L, descriptor_at(L, -1) != NO_DESCRIPTOR, WANTED,
                      "keys must be sockets, files or descriptors");
        lua_pushvalue(L, -1);
        lua_rawseti(L, KEYS, ++count);
    }
    return (nfds_t)count;
}

/* Done anew after Lua code has run: it may have closed one of them, which
 * raises `closed`, or have taken one out of the table, which is poll(2)'s -1. */
static void fill_pollfds(lua_State *L, struct pollfd *fds, nfds_t count,
                         int closed)
{
    for (nfds_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = -1};
        lua_rawgeti(L, KEYS, (lua_Integer)i + 1);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, WANTED) != LUA_TNIL) {
            fds[i].events = check_events(L);
            fds[i].fd = descriptor_at(L, -2);
            if (fds[i].fd == CLOSED_DESCRIPTOR)
                raise_errno(L, "poll", closed, 0);
        }
        lua_pop(L, 2);
    }
}

/* What became ready, in letters. An error or a hang-up is told as whatever was
 * asked for: the call that follows tells which. */
static void push_events(lua_State *L, const struct pollfd *p)
{
    short events = p->revents & p->events;
    char text[sizeof letters / sizeof *letters];
    size_t length = 0;

    if (p->revents & (POLLERR | POLLHUP))
        events = p->events;
    for (int i = 0; letters[i].letter != 0; i++) {
        if (events & letters[i].event)
            text[length++] = letters[i].letter;
    }
    lua_pushlstring(L, text, length);
}

static int push_ready(lua_State *L, const struct pollfd *fds, nfds_t count)
{
    lua_newtable(L);
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents == 0)
            continue;
        lua_rawgeti(L, KEYS, (lua_Integer)i + 1);
        if (fds[i].revents & POLLNVAL)
            return raise_errno(L, "poll", EBADF, 0);
        push_events(L, &fds[i]);
        lua_rawset(L, -3);
    }
    return 1;
}

/*** Wait until one of several descriptors is ready (poll(2)).
@function poll
@tab wanted sockets, Lua files or numbers of descriptors as keys, what to wait
for as values: `"r"` readable (or a connection to accept), `"w"` writable, `"p"`
urgent data, or several letters
@number[opt] seconds with fractions; nil: as long as it takes; 0: only look
@treturn table the same keys, for those that are ready, with what they are ready
for; empty when the time has run out. An error or the peer's hang-up counts as
ready for all that was asked.
@raise EBADF where one is closed, ECANCELED where a signal handler closed it
meanwhile and left it in the table; argument error for other keys or values
@usage
for s, events in pairs(sockeye.poll({[a] = "r", [b] = "rw"}, 0.5)) do … end
*/
static int sockeye_poll(lua_State *L)
{
    int64_t deadline;
    nfds_t count;
    struct pollfd *fds;
    int n;

    luaL_checktype(L, 1, LUA_TTABLE);
    deadline = wait_deadline(wait_check_seconds(L, 2));
    lua_settop(L, 2);
    count = list_keys(L);
    fds = lua_newuserdatauv(L, count * sizeof *fds, 0);
    fill_pollfds(L, fds, count, EBADF);
    while ((n = wait_poll(fds, count, deadline)) == -1 && errno == EINTR) {
        wait_interrupted(L);
        fill_pollfds(L, fds, count, ECANCELED);
    }
    if (n == -1)
        return raise_errno(L, "poll", errno, 0);
    return push_ready(L, fds, count);
}

void open_poll(lua_State *L)
{
    lua_pushcfunction(L, sockeye_poll);
    lua_setfield(L, -2, "poll");
}
