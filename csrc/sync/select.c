/*
 * select: the function select, which waits for the first of several things.
 *
 * The task has a place in the queue of each channel and each task that it waits
 * for, and waits on one descriptor that stands for all that are watched. The
 * first that comes takes it out of all.
 */
#include <errno.h>
#include <stdatomic.h>

#include "base/argument.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "open.h"
#include "socket/events.h"
#include "socket/socket.h"
#include "sync/channel.h"
#include "sync/choice.h"
#include "sync/waiting.h"

#define POLL_AGAIN 5000000 /* nanoseconds */

static int select_step(lua_State *L, int status, lua_KContext context);

static const struct call select_call = {"select", 0, select_step};

/* ---- one that is ready ---- */

/* A number that nobody foresees well, for a fair choice. */
static uint64_t next_random(void)
{
    static _Atomic uint64_t state;
    uint64_t x = atomic_fetch_add_explicit(&state, UINT64_C(0x9e3779b97f4a7c15),
                                           memory_order_relaxed);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The place of one of the choices that are ready, each with the same likelihood;
 * 0: none is. */
static int choose(const struct choices *s)
{
    int chosen = 0;
    uint64_t ready = 0;

    for (int i = 0; i < s->count; i++) {
        if (!choice_is_ready(s, &s->list[i]))
            continue;
        if (ready++ == 0 || next_random() % ready == 0)
            chosen = i + 1;
    }
    return chosen;
}

/* What came is on top of the stack: return its place in the list as well. */
static int push_place(lua_State *L, const struct choices *s,
                      const struct choice *c)
{
    lua_pushinteger(L, c - s->list + 1);
    lua_pushvalue(L, -2);
    return 2;
}

/* A task has ended: whoever has chosen it may join it. */
static void push_ended(lua_State *L, const struct choice *c)
{
    c->task->unclaimed = false;
    lua_pushvalue(L, c->object);
}

/* A finalizer that ran may have filled the channel again: returns false. */
static bool put(lua_State *L, const struct choice *c)
{
    enum channel_outcome outcome =
        channel_give(L, c->channel, c->object, c->value);

    if (outcome == CHANNEL_CLOSED)
        error_raise_because(L, "select", EPIPE, "the channel is closed");
    lua_pushvalue(L, c->value);
    return outcome == CHANNEL_DONE;
}

static void get(lua_State *L, const struct choice *c)
{
    if (channel_take(L, c->channel, c->object) != CHANNEL_DONE)
        lua_pushnil(L);
}

/* Let it happen, and push what came. */
static bool perform(lua_State *L, const struct choices *s,
                    const struct choice *c)
{
    switch (c->kind) {
    case CHOICE_PUT:
        return put(L, c);
    case CHOICE_GET:
        get(L, c);
        return true;
    case CHOICE_END:
        push_ended(L, c);
        return true;
    default:
        events_push(L, &s->fds[c->value]);
        return true;
    }
}

/* The choice that the place stands for has happened. A value that was handed
 * over is on top of the stack. */
static int finish(lua_State *L, const struct choices *s, const struct place *p,
                  bool ended)
{
    const struct choice *c = &s->list[p->number - 1];

    if (c->kind == CHOICE_PUT && ended)
        return error_raise_because(L, "select", EPIPE, "the channel is closed");
    if (c->kind == CHOICE_PUT)
        lua_pushvalue(L, c->value);
    else if (c->kind == CHOICE_GET && ended)
        lua_pushnil(L);
    else if (c->kind == CHOICE_GET)
        waiting_receive(L, p);
    else if (c->kind == CHOICE_END)
        push_ended(L, c);
    return push_place(L, s, c);
}

/* ---- waiting ---- */

/* Let t wait until `soon`, which is not the end of its call. */
static int ask_again(struct task *t, int64_t soon, int64_t deadline)
{
    int error = loop_pause(t, t, soon < deadline ? soon : deadline);

    t->limit = deadline;
    return error;
}

/* Register that t waits for the descriptors, too. Where the system has no epoll,
 * or a file is no descriptor to wait for, it asks again soon. */
static int await_descriptors(lua_State *L, struct task *t, struct choices *s,
                             int64_t deadline)
{
    int64_t soon = clock_now() + POLL_AGAIN;
    bool collected = false;
    struct socket *set = socket_new(L);
    int fd;

    do {
        choice_poll(L, s, "select", true);
        fd = poller_make_set(s->fds, (nfds_t)s->watched);
    } while (fd == -1 && descriptor_collect(L, errno, &collected));
    if (fd == -1 && (errno == ENOSYS || errno == EPERM))
        return ask_again(t, soon, deadline);
    if (fd == -1)
        return errno;
    set->handle.fd = fd;
    return loop_await_set(t, &set->handle, deadline);
}

static void close_set(lua_State *L, const struct choices *s)
{
    struct socket *set = socket_test(L, s->top + 1);

    if (s->watched > 0 && set != NULL)
        socket_end(L, set);
}

static void enter_channel(lua_State *L, const struct choice *c, struct place *p,
                          uint64_t order)
{
    p->object = c->object;
    if (c->kind == CHOICE_PUT) {
        p->value = c->value;
        waiting_enter(L, &c->channel->putters, p, order);
    } else {
        p->lost = channel_take_back;
        waiting_enter(L, &c->channel->getters, p, order);
    }
}

static void enter_queues(lua_State *L, struct task *t, const struct choices *s)
{
    for (int i = 0; i < s->count; i++) {
        const struct choice *c = &s->list[i];
        struct place *p = &t->places->list[i];

        if (c->kind == CHOICE_READY)
            continue;
        if (c->kind == CHOICE_END) {
            waiting_enter(L, &c->task->ends, p, t->progress);
            continue;
        }
        enter_channel(L, c, p, t->progress);
    }
}

/* The end of the time: nothing has come. */
static int push_nothing(lua_State *L)
{
    lua_pushnil(L);
    return 1;
}

static int wait_for_one(lua_State *L, struct choices *s, lua_KContext context)
{
    bool resumed = context == WAIT_RESUMED;
    uint64_t order;
    struct task *t;
    int error;

    if (s->deadline == 0 && !resumed)
        return push_nothing(L);
    s = choice_keep(L, s);
    t = task_require_waiting(L, "select");
    if (waiting_is_over(L, t, &select_call, s->deadline, resumed))
        return push_nothing(L);
    order = resumed ? t->progress : place_next_order();
    error = place_open(L, t, s->count) ? 0 : ENOMEM;
    if (error == 0 && s->watched > 0)
        error = await_descriptors(L, t, s, s->deadline);
    else if (error == 0)
        error = loop_pause(t, s, s->deadline);
    if (error != 0)
        return error_raise(L, task_wait_name(t, "select"), error, 0);
    t->progress = order;
    if (choose(s) != 0)
        loop_wake(t); /* a finalizer has run meanwhile: look again */
    else
        enter_queues(L, t, s);
    return task_suspend(L, t, task_wait_name(t, "select"), WAIT_RESUMED,
                        select_step);
}

static int select_first(lua_State *L, struct choices *s, lua_KContext context)
{
    for (;;) {
        const struct choice *c;
        int place;

        choice_poll(L, s, "select", context == WAIT_RESUMED);
        place = choose(s);
        if (place == 0)
            return wait_for_one(L, s, context);
        c = &s->list[place - 1];
        if (perform(L, s, c))
            return push_place(L, s, c);
        lua_settop(L, s->top);
    }
}

static int select_step(lua_State *L, int status, lua_KContext context)
{
    struct choices *s = lua_touserdata(L, CHOICES);
    const struct place *p;
    bool ended;

    (void)status;
    waiting_begin(L, &select_call, context);
    if (context == WAIT_RESUMED) {
        p = waiting_met(L, &select_call, false, &ended);
        close_set(L, s);
        if (p != NULL)
            return finish(L, s, p, ended);
        lua_settop(L, s->top);
    }
    return select_first(L, s, context);
}

static void check_tasks(lua_State *L, const struct choices *s)
{
    for (int i = 0; i < s->count; i++) {
        if (s->list[i].kind == CHOICE_END && s->list[i].task == task_running(L))
            error_raise(L, "select", EDEADLK, 0);
    }
}

/*** Wait for the first of several things, and let exactly one of them happen.
Each is

- a channel: to get a value from it;
- `{channel, value}`: to put the value into it;
- a task: its end, in whatever way; `Task:join` then returns its results or
  raises its error, which counts as joined: it does not fail the task's group;
- `{socket, events}`: to be ready for `"r"`, `"w"` or `"rw"`, as `poll` has it.
  The socket may be a Lua file or the number of a descriptor, too.

Of several that are ready one is chosen by chance. Outside of tasks this works
where it need not wait.
@function select
@tab choices a list of these; and `timeout`, seconds to wait at most (0: do not
wait)
@treturn ?int the place of the one that happened in the list; nil if none did
before the time ran out
@return what came: the value that was got, nil from a channel that is closed and
empty; the value that was put; the task; the letters of the events
@raise EPIPE where it chose to put into a closed channel; EDEADLK for the
calling task; EBADF for a closed socket, with `closed` if it was closed during
the wait; ECANCELED; argument error, before anything is done
@usage
local place, what = sockeye.select{ jobs, {results, result}, worker,
                                    {conn, "r"}, timeout = 5 }
*/
static int sockeye_select(lua_State *L)
{
    struct choice_few few;
    struct choices *s = choice_read(L, &few);

    check_tasks(L, s);
    if (!waiting_is_free(L))
        s = choice_keep(L, s);
    waiting_begin(L, &select_call, WAIT_FIRST);
    return select_first(L, s, WAIT_FIRST);
}

void open_select(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"select", sockeye_select},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
