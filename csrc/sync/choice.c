/*
 * choice: what select waits for; see choice.h.
 */
#include <errno.h>
#include <string.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/field.h"
#include "socket/argument.h"
#include "socket/events.h"
#include "sync/channel.h"
#include "sync/choice.h"
#include "task/task.h"

#define MOST 100000 /* choices */

/* ---- reading ---- */

static int fail(lua_State *L, int place, const char *problem)
{
    lua_pushfstring(L, "choice %d: %s", place, problem);
    return luaL_argerror(L, CHOICE_LIST, lua_tostring(L, -1));
}

static int64_t read_timeout(lua_State *L)
{
    int64_t seconds;

    if (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) >= 0))
        field_argerror(L, CHOICE_LIST, "timeout",
                       "number of seconds that is not negative expected");
    seconds = clock_check_seconds(L, lua_gettop(L));
    return seconds == 0 ? 0 : clock_after(seconds);
}

/* Read the field `timeout`, and check that there is nothing but a list
 * beside. */
static int64_t read_deadline(lua_State *L, int count)
{
    int64_t deadline = NO_DEADLINE;
    int others = count;

    lua_pushnil(L);
    while (lua_next(L, CHOICE_LIST)) {
        if (lua_type(L, -2) == LUA_TSTRING &&
            strcmp(lua_tostring(L, -2), "timeout") == 0)
            deadline = read_timeout(L);
        else
            others--;
        lua_pop(L, 1);
    }
    if (others != 0)
        luaL_argerror(L, CHOICE_LIST, "a list and 'timeout' expected");
    if (count == 0 && deadline == NO_DEADLINE)
        luaL_argerror(L, CHOICE_LIST, "nothing to wait for");
    return deadline;
}

/* The table that is a choice is on top: replace it by the object and the value
 * in it. */
static void read_pair(lua_State *L, struct choices *s, struct choice *c,
                      int place)
{
    short events;

    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    lua_remove(L, -3);
    c->object = lua_gettop(L) - 1;
    c->channel = channel_test(L, -2);
    if (c->channel != NULL) {
        c->kind = CHOICE_PUT;
        c->value = lua_gettop(L);
        if (lua_isnil(L, -1))
            fail(L, place, "value to put expected, got nil");
        return;
    }
    if (socket_descriptor_at(L, -2) == NO_DESCRIPTOR)
        fail(L, place, "channel, socket, file or descriptor expected");
    events = events_read(L);
    if (events == 0)
        fail(L, place, lua_tostring(L, -1));
    c->kind = CHOICE_READY;
    c->value = s->watched++;
    s->fds[c->value].events = events;
}

static void read_choice(lua_State *L, struct choices *s, int place)
{
    struct choice *c = &s->list[place - 1];

    lua_rawgeti(L, CHOICE_LIST, place);
    c->object = lua_gettop(L);
    c->kind = CHOICE_GET;
    c->channel = channel_test(L, -1);
    if (c->channel != NULL)
        return;
    if (lua_type(L, -1) == LUA_TTABLE) {
        read_pair(L, s, c, place);
        return;
    }
    if (luaL_testudata(L, -1, "sockeye.Task") == NULL)
        fail(L, place,
             "channel, task, {channel, value} or {socket, events} expected");
    c->kind = CHOICE_END;
    c->task = task_check(L, c->object);
}

static struct choices *prepare(struct choices *s, int count,
                               struct choice *list, struct pollfd *fds)
{
    memset(s, 0, sizeof *s);
    s->count = count;
    s->list = list;
    s->fds = fds;
    return s;
}

static struct choices *push_many(lua_State *L, int count)
{
    size_t each = sizeof(struct choice) + sizeof(struct pollfd);
    struct choices *s =
        lua_newuserdatauv(L, sizeof *s + (size_t)count * each, 0);
    struct choice *list = (struct choice *)(void *)(s + 1);

    memset(list, 0, (size_t)count * each);
    return prepare(s, count, list, (struct pollfd *)(void *)(list + count));
}

struct choices *choice_read(lua_State *L, struct choice_few *few)
{
    int count;
    int64_t deadline;
    struct choices *s;

    luaL_checktype(L, CHOICE_LIST, LUA_TTABLE);
    lua_settop(L, CHOICE_LIST);
    count = (int)field_count(L, CHOICE_LIST, CHOICE_LIST, NULL, MOST);
    deadline = read_deadline(L, count);
    if (2 * count > LUA_MINSTACK / 2)
        luaL_checkstack(L, 2 * count + LUA_MINSTACK, "too many choices");
    if (count > CHOICE_FEW) {
        s = push_many(L, count);
    } else {
        lua_pushnil(L);
        s = prepare(&few->choices, count, few->list, few->fds);
    }
    s->deadline = deadline;
    for (int i = 1; i <= count; i++)
        read_choice(L, s, i);
    s->top = lua_gettop(L);
    return s;
}

struct choices *choice_keep(lua_State *L, const struct choices *s)
{
    struct choices *kept = lua_touserdata(L, CHOICES);

    if (kept != NULL)
        return kept;
    kept = push_many(L, s->count);
    memcpy(kept->list, s->list, (size_t)s->count * sizeof *s->list);
    memcpy(kept->fds, s->fds, (size_t)s->watched * sizeof *s->fds);
    kept->deadline = s->deadline;
    kept->top = s->top;
    kept->watched = s->watched;
    lua_replace(L, CHOICES);
    return kept;
}

/* ---- what is ready ---- */

/* A descriptor is closed. */
static void fail_closed(lua_State *L, const char *call, bool waited)
{
    if (waited)
        error_raise_closed(L, call, 0);
    error_raise_because(L, call, EBADF, "the socket, or the file, is closed");
}

void choice_poll(lua_State *L, struct choices *s, const char *call, bool waited)
{
    if (s->watched == 0)
        return;
    for (int i = 0; i < s->count; i++) {
        const struct choice *c = &s->list[i];

        if (c->kind != CHOICE_READY)
            continue;
        s->fds[c->value].fd = socket_descriptor_at(L, c->object);
        s->fds[c->value].revents = 0;
        if (s->fds[c->value].fd < 0)
            fail_closed(L, call, waited);
    }
    while (poll(s->fds, (nfds_t)s->watched, 0) == -1)
        if (errno != EINTR)
            error_raise(L, call, errno, 0);
    for (int i = 0; i < s->watched; i++) {
        if (s->fds[i].revents & POLLNVAL)
            fail_closed(L, call, waited);
    }
}

bool choice_is_ready(const struct choices *s, const struct choice *c)
{
    switch (c->kind) {
    case CHOICE_GET:
        return channel_would_take(c->channel) != CHANNEL_WOULD_WAIT;
    case CHOICE_PUT:
        return channel_would_give(c->channel) != CHANNEL_WOULD_WAIT;
    case CHOICE_END:
        return c->task->status > TASK_WAITING;
    default:
        return s->fds[c->value].revents != 0;
    }
}
