/*
 * poll: the functions poll and wait, which report which of any number of
 * descriptors are ready (poll(2)).
 */
#include <errno.h>
#include <poll.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "open.h"
#include "socket/argument.h"
#include "socket/events.h"
#include "socket/socket.h"
#include "task/task.h"

/* Stack indices: the caller's table, the deadline, the lists of its keys and of
 * their values, which the caller may change in the table meanwhile, the array of
 * struct pollfd, the socket that owns poller_make_set's descriptor. */
enum { WANTED = 1, DEADLINE, KEYS, EVENTS, POLLFDS, SET };

#define POLL_AGAIN 5000000 /* nanoseconds */

/* The field of the list of keys that has the nanoseconds of wait. */
#define PATIENCE "patience"

static int poll_step(lua_State *L, int status, lua_KContext context);
static int wait_step(lua_State *L, int status, lua_KContext context);

static const struct call poll_call = {"poll", 0, poll_step};
static const struct call wait_call = {"wait", 0, wait_step};

/* Raise that an element of a list has no events: poll({a, b}) was written for
 * poll({[a] = "r", [b] = "r"}). */
static void refuse_list(lua_State *L)
{
    if (lua_isinteger(L, -2) && socket_descriptor_at(L, -1) >= 0 &&
        lua_type(L, -1) == LUA_TUSERDATA)
        luaL_argerror(L, WANTED,
                      "sockets are keys, and their events the values: "
                      "{[a] = \"r\", [b] = \"rw\"}");
}

/* Create the lists of the keys and of their values. Returns their number. */
static nfds_t list_keys(lua_State *L)
{
    lua_Integer count = 0;

    lua_newtable(L);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, WANTED)) {
        refuse_list(L);
        events_check(L, WANTED);
        lua_rawseti(L, EVENTS, ++count);
        luaL_argcheck(L, socket_descriptor_at(L, -1) != NO_DESCRIPTOR, WANTED,
                      "keys must be sockets, files or descriptors");
        lua_pushvalue(L, -1);
        lua_rawseti(L, KEYS, count);
    }
    return (nfds_t)count;
}

/* Raise that the key on top is closed, unless the caller has taken it out of the
 * table since the call began. */
static void check_closed(lua_State *L, const struct call *call, bool was_open)
{
    if (!was_open)
        socket_raise_closed(L, -1, call->name);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, WANTED) != LUA_TNIL)
        wait_raise_closed(L, call->name);
    lua_pop(L, 1);
}

/* Repeat this after Lua code has run, which may have closed a descriptor. Raises
 * EBADF for a closed one, with `closed` if it has been open at the beginning;
 * one that was closed and taken out of the table becomes -1, which poll(2)
 * ignores. */
static void fill_pollfds(lua_State *L, const struct call *call,
                         struct pollfd *fds, nfds_t count, bool was_open)
{
    for (nfds_t i = 0; i < count; i++) {
        lua_rawgeti(L, EVENTS, (lua_Integer)i + 1);
        fds[i] = (struct pollfd){.fd = -1, .events = events_check(L, WANTED)};
        lua_rawgeti(L, KEYS, (lua_Integer)i + 1);
        fds[i].fd = socket_descriptor_at(L, -1);
        if (fds[i].fd == CLOSED_DESCRIPTOR)
            check_closed(L, call, was_open);
        lua_pop(L, 2);
    }
}

static int push_ready(lua_State *L, const struct call *call,
                      const struct pollfd *fds, nfds_t count)
{
    lua_newtable(L);
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents == 0)
            continue;
        lua_rawgeti(L, KEYS, (lua_Integer)i + 1);
        if (fds[i].revents & POLLNVAL)
            return error_raise(L, call->name, EBADF, 0);
        events_push(L, &fds[i]);
        lua_rawset(L, -3);
    }
    return 1;
}

/* ---- inside a task ---- */

/* Register that the task waits for any of them: with a descriptor that stands
 * for the set, where the system has epoll, else by polling again soon. A
 * finalizer may cancel the task while that is made. */
static int await_any(lua_State *L, const struct call *call, struct task *t,
                     struct pollfd *fds, nfds_t count, int64_t deadline)
{
    int64_t soon = clock_now() + POLL_AGAIN;
    bool collected = false;
    struct socket *set;
    int error;
    int fd;

    lua_settop(L, POLLFDS);
    if (count == 0)
        return loop_pause(t, t, deadline);
    set = socket_new(L);
    do {
        fill_pollfds(L, call, fds, count, true);
        fd = poller_make_set(fds, count);
    } while (fd == -1 && descriptor_collect(L, errno, &collected));
    if (fd == -1 && errno != ENOSYS && errno != EPERM)
        return errno;
    set->handle.fd = fd;
    error = task_interruption(t, false);
    if (error != 0)
        return error;
    if (fd == -1)
        return loop_pause(t, t, soon < deadline ? soon : deadline);
    return loop_await_set(t, &set->handle, deadline);
}

static void close_set(lua_State *L)
{
    struct socket *set = socket_test(L, SET);

    if (set != NULL)
        socket_end(L, set);
    lua_settop(L, POLLFDS);
}

/* Raise why the task cannot wait. ELOOP is the kernel's answer where an epoll
 * descriptor is to wait for others, like those of loops, that wait in turn. */
static int raise_failure(lua_State *L, const char *call, int error)
{
    if (error == ELOOP)
        return error_raise_because(
            L, call, error,
            "the loops wait for each other in a circle, or too deep: the "
            "kernel nests at most 4 epoll descriptors (EP_MAX_NESTS), of which "
            "each loop is one, and each wait for one");
    return error_raise(L, call, error, 0);
}

/* Suspend the task until one is ready; push the result if it is over. */
static int suspend(lua_State *L, const struct call *call, struct task *t,
                   nfds_t count, bool resumed)
{
    struct pollfd *fds = lua_touserdata(L, POLLFDS);
    int64_t deadline = lua_tointeger(L, DEADLINE);
    int error = task_interruption(t, false);

    if (error != 0)
        return task_raise(L, call->name, error);
    if (resumed && clock_now() >= deadline)
        return push_ready(L, call, fds, 0);
    error = await_any(L, call, t, fds, count, deadline);
    if (error == ECANCELED)
        return task_raise(L, call->name, error);
    if (error != 0)
        return raise_failure(L, task_wait_name(t, call->name), error);
    return task_suspend(L, t, call->name, WAIT_RESUMED, call->step);
}

/* Outside of tasks an enclosing `deadline` may come first. */
static int poll_outside(lua_State *L, const struct call *call,
                        struct pollfd *fds, nfds_t count)
{
    int64_t own = lua_tointeger(L, DEADLINE);
    int64_t limit = outside_limit(L, own);
    int n;

    while ((n = wait_poll(fds, count, limit)) == -1 && errno == EINTR) {
        interrupt_run(L);
        fill_pollfds(L, call, fds, count, true);
    }
    if (n == -1)
        return error_raise(L, call->name, errno, 0);
    return n == 0 && limit < own ? error_raise_canceled(L, call->name, 0)
                                 : push_ready(L, call, fds, count);
}

static int make_attempt(lua_State *L, const struct call *call,
                        lua_KContext context)
{
    struct pollfd *fds = lua_touserdata(L, POLLFDS);
    nfds_t count = (nfds_t)lua_rawlen(L, KEYS);
    struct task *t = task_running(L);

    wait_turn(L, call, context);
    context = context == WAIT_POSTPONED ? WAIT_FIRST : context;
    close_set(L);
    fill_pollfds(L, call, fds, count, context != WAIT_FIRST);
    if (t == NULL)
        return poll_outside(L, call, fds, count);
    while (poll(fds, count, 0) == -1)
        if (errno != EINTR)
            return error_raise(L, call->name, errno, 0);
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents != 0)
            return push_ready(L, call, fds, count);
    }
    if (lua_tointeger(L, DEADLINE) <= loop_now(t->loop))
        return push_ready(L, call, fds, 0);
    return suspend(L, call, task_that_may_wait(L), count,
                   context != WAIT_FIRST);
}

static int poll_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return make_attempt(L, &poll_call, context);
}

/* Stack: the table, the seconds. */
static void prepare(lua_State *L)
{
    int64_t seconds = clock_check_seconds(L, DEADLINE);
    nfds_t count;

    lua_settop(L, WANTED);
    lua_pushinteger(L, seconds == 0 ? 0 : clock_after(seconds));
    count = list_keys(L);
    lua_newuserdatauv(L, count * sizeof(struct pollfd), 0);
}

/*** Wait until one of several descriptors is ready (poll(2)).
@function poll
@tab wanted sockets, Lua files or numbers of descriptors as keys, what to wait
for as values: `"r"` readable (or a connection to accept), `"w"` writable, `"p"`
urgent data, or several letters. The table is read once: what is added or taken
out while the call waits changes nothing, but that one which is taken out may be
closed
@number[opt] seconds with fractions; nil: no limit; 0: do not wait
@treturn table the keys that are ready, with the letters of the events they are
ready for; empty when the time has run out. An error or the peer's hang-up
counts as ready for everything that was asked for.
@raise EBADF if one is closed, with `closed` if it was closed during the wait and
left in the table; ECANCELED; argument error for other keys or values
@usage
for s, events in pairs(sockeye.poll({[a] = "r", [b] = "rw"}, 0.5)) do … end
*/
static int sockeye_poll(lua_State *L)
{
    luaL_checktype(L, WANTED, LUA_TTABLE);
    prepare(L);
    return poll_step(L, LUA_OK, WAIT_FIRST);
}

/* Replace the table on top by its only value. */
static int wait_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    make_attempt(L, &wait_call, context);
    lua_rawgeti(L, KEYS, 1);
    if (lua_rawget(L, -2) != LUA_TNIL)
        return 1;
    lua_getfield(L, KEYS, PATIENCE);
    return error_raise_timeout(L, "wait", lua_tointeger(L, -1));
}

/*** Wait until a descriptor is ready (poll(2)).
@function wait
@param what a socket, a Lua file or the number of a descriptor
@string[opt="r"] events as for `poll`
@number[opt] seconds with fractions; nil: no limit
@treturn string the letters of the events it is ready for
@raise ETIMEDOUT with `timeout` when the time runs out; EBADF, with `closed` if it
is closed during the wait; ECANCELED
*/
static int sockeye_wait(lua_State *L)
{
    int64_t seconds;

    luaL_checkany(L, 1);
    seconds = clock_check_seconds(L, 3);
    lua_settop(L, 3);
    lua_newtable(L);
    lua_pushvalue(L, 1);
    if (lua_isnil(L, 2))
        lua_pushliteral(L, "r");
    else
        lua_pushvalue(L, 2);
    events_check(L, 2);
    luaL_argcheck(L, socket_descriptor_at(L, 1) != NO_DESCRIPTOR, 1,
                  "socket, file or descriptor expected");
    lua_rawset(L, -3);
    lua_replace(L, WANTED);
    lua_replace(L, DEADLINE);
    prepare(L);
    lua_pushinteger(L, seconds);
    lua_setfield(L, KEYS, PATIENCE);
    return wait_step(L, LUA_OK, WAIT_FIRST);
}

void open_poll(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"poll", sockeye_poll},
        {"wait", sockeye_wait},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
