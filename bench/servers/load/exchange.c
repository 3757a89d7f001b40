/*
 * exchange: units are sent on many connections, each waits for its own to come
 * back, and compares them. See epoll(7).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH 256

struct connection {
    int fd;
    uint32_t turn;
    size_t sent;
    size_t received;
    int64_t began;
    uint64_t exchanges;
    char *units; /* what is sent */
};

struct state {
    const struct options *o;
    int epoll;
    int count;
    size_t size; /* bytes of an exchange */
    struct connection *connections;
    uint64_t exchanges;
};

void unit_number(char *unit, uint32_t connection, uint32_t turn)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 7; i >= 0; i--) {
        unit[i] = digits[connection & 15];
        unit[8 + i] = digits[turn & 15];
        connection >>= 4;
        turn >>= 4;
    }
}

void unit_fill(char *units, int count)
{
    for (int i = 0; i < count * UNIT; i++)
        units[i] = i % UNIT == UNIT - 1 ? '\n' : (char)('!' + i * 7 % 90);
}

static void send_rest(const struct state *s, struct connection *c)
{
    ssize_t n = send(c->fd, c->units + c->sent, s->size - c->sent, 0);

    if (n == -1 && errno != EAGAIN)
        fail("send");
    if (n > 0)
        c->sent += (size_t)n;
}

static void begin(const struct state *s, struct connection *c, int64_t moment)
{
    uint32_t number = (uint32_t)(c - s->connections);

    for (int i = 0; i < s->o->lines; i++)
        unit_number(c->units + (size_t)i * UNIT, number,
                    c->turn * (uint32_t)s->o->lines + (uint32_t)i);
    c->turn++;
    c->sent = 0;
    c->received = 0;
    c->began = moment;
    send_rest(s, c);
}

/* One more byte than is due is asked for, so that none comes unnoticed. */
static bool receive(const struct state *s, struct connection *c)
{
    static char buffer[1 << 20];
    ssize_t n = recv(c->fd, buffer, s->size - c->received + 1, 0);

    if (n == -1 && errno == EAGAIN)
        return false;
    if (n <= 0)
        fail(n == 0 ? "the server has closed a connection" : "recv");
    if (c->received + (size_t)n > c->sent ||
        memcmp(buffer, c->units + c->received, (size_t)n) != 0) {
        errno = 0;
        fail("what came back is not what was sent");
    }
    c->received += (size_t)n;
    return c->received == s->size;
}

static void on_event(struct state *s, struct connection *c, uint32_t events)
{
    int64_t moment;

    if (c->sent == c->received && c->sent == 0)
        return;
    if ((events & EPOLLOUT) && c->sent < s->size)
        send_rest(s, c);
    if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)) || !receive(s, c))
        return;
    moment = now();
    latency_add(moment - c->began);
    c->exchanges++;
    s->exchanges++;
    c->sent = c->received = 0;
    c += s->o->in_flight;
    if (c >= s->connections + s->count)
        c -= s->count;
    begin(s, c, moment);
}

static void run_until(struct state *s, int64_t deadline, uint64_t exchanges)
{
    struct epoll_event events[BATCH];

    while (s->exchanges < exchanges && now() < deadline) {
        int n = epoll_wait(s->epoll, events, BATCH, 100);

        for (int i = 0; i < n; i++)
            on_event(s, events[i].data.ptr, events[i].events);
    }
}

static void open_connections(struct state *s)
{
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->connections = obtain((size_t)s->count, sizeof *s->connections);
    for (int i = 0; i < s->o->idle; i++)
        if (server_connect(SOCK_STREAM) == -1)
            fail("connect");
    for (int i = 0; i < s->count; i++) {
        struct connection *c = &s->connections[i];
        struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = c}};

        c->fd = server_connect(SOCK_STREAM | SOCK_NONBLOCK);
        if (c->fd == -1)
            fail("connect");
        c->units = obtain(1, s->size);
        unit_fill(c->units, s->o->lines);
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &e) == -1)
            fail("epoll_ctl");
    }
}

static double fairness(const struct state *s)
{
    uint64_t worst = UINT64_MAX;
    uint64_t sum = 0;

    for (int i = 0; i < s->count; i++) {
        uint64_t n = s->connections[i].exchanges;

        sum += n;
        if (n < worst)
            worst = n;
    }
    return sum ? (double)worst * s->count / (double)sum : 0;
}

static void clear(struct state *s)
{
    latency_clear();
    s->exchanges = 0;
    for (int i = 0; i < s->count; i++)
        s->connections[i].exchanges = 0;
}

void do_exchange(const struct options *o, struct result *r)
{
    struct state s = {
        .o = o, .count = o->connections, .size = (size_t)o->lines * UNIT};
    uint64_t limit = UINT64_MAX;
    int64_t start;

    open_connections(&s);
    for (int i = 0; i < o->in_flight; i++)
        begin(&s, &s.connections[i], now());
    if (o->operations > 0)
        limit = o->operations / (uint64_t)o->lines;
    else
        run_until(&s, now() + (int64_t)(o->warmup * 1e9), limit);
    clear(&s);
    r->cpu = -server_cpu();
    start = now();
    run_until(&s, start + (int64_t)(o->seconds * 1e9), limit);
    r->time = now() - start;
    r->cpu += server_cpu();
    r->operations = s.exchanges * (uint64_t)o->lines;
    r->connected = s.count + o->idle;
    r->fairness = fairness(&s);
    for (int i = 0; i < s.count; i++)
        free(s.connections[i].units);
    free(s.connections);
}
