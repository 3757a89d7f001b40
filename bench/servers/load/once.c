/*
 * once: connections that are opened, make one exchange and are closed by the
 * server; and connections that are held.
 */
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "load.h"

#define FIRST 100 /* held connections that are not yet counted */

struct visit {
    int fd;
    bool sent;
    size_t received;
    int64_t began;
    char unit[UNIT];
};

static int epoll;
static unsigned visits;

static void begin_visit(struct visit *v)
{
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = v}};

    v->sent = false;
    v->received = 0;
    v->began = now();
    unit_number(v->unit, visits, 0);
    v->fd = server_begin_connect(visits++);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, v->fd, &e) == -1)
        fail("epoll_ctl");
}

/* Whether the server has answered and closed. */
static bool go_on(struct visit *v, uint32_t events)
{
    char buffer[UNIT + 1];
    ssize_t n;

    if (!v->sent && (events & EPOLLOUT)) {
        if (send(v->fd, v->unit, UNIT, 0) != UNIT)
            fail("send");
        v->sent = true;
    }
    if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        return false;
    while ((n = recv(v->fd, buffer, sizeof buffer, 0)) > 0) {
        errno = 0;
        if (v->received + (size_t)n > UNIT ||
            memcmp(buffer, v->unit + v->received, (size_t)n) != 0)
            fail("what came back is not what was sent");
        v->received += (size_t)n;
    }
    if (n == -1 && errno != EAGAIN)
        fail("recv");
    errno = 0;
    if (n == 0 && v->received != UNIT)
        fail("the server has closed a connection too soon");
    return n == 0;
}

static uint64_t visit_until(int64_t deadline, uint64_t limit)
{
    struct epoll_event events[256];
    uint64_t count = 0;

    while (count < limit && now() < deadline) {
        int n = epoll_wait(epoll, events, 256, 100);

        for (int i = 0; i < n; i++) {
            struct visit *v = events[i].data.ptr;

            if (!go_on(v, events[i].events))
                continue;
            latency_add(now() - v->began);
            close(v->fd);
            begin_visit(v);
            count++;
        }
    }
    return count;
}

void do_once(const struct options *o, struct result *r)
{
    struct visit *list = obtain((size_t)o->connections, sizeof *list);
    int64_t start;

    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < o->connections; i++) {
        unit_fill(list[i].unit, 1);
        begin_visit(&list[i]);
    }
    if (o->operations == 0)
        visit_until(now() + (int64_t)(o->warmup * 1e9), UINT64_MAX);
    latency_clear();
    r->cpu = -server_cpu();
    start = now();
    r->operations = visit_until(start + (int64_t)(o->seconds * 1e9),
                                o->operations ? o->operations : UINT64_MAX);
    r->time = now() - start;
    r->cpu += server_cpu();
    r->connected = o->connections;
    free(list);
}

/* ---- held connections ---- */

static bool answers(int fd, uint32_t number, uint32_t turn)
{
    char unit[UNIT];
    char back[UNIT];

    unit_fill(unit, 1);
    unit_number(unit, number, turn);
    return send(fd, unit, UNIT, 0) == UNIT &&
           recv(fd, back, UNIT, MSG_WAITALL) == UNIT &&
           memcmp(unit, back, UNIT) == 0;
}

/* A server that has reached its limit does not answer any more, or goes. */
static int hold(int *fds, int wanted)
{
    const struct timeval limit = {2, 0};
    int64_t before = 0;
    int count = 0;

    for (; count < wanted; count++) {
        int fd = server_connect(SOCK_STREAM);

        if (fd == -1)
            break;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        before = now();
        if (!answers(fd, (uint32_t)count, 0)) {
            close(fd);
            break;
        }
        latency_add(now() - before);
        fds[count] = fd;
    }
    return count;
}

void do_hold(const struct options *o, struct result *r)
{
    int *fds = obtain((size_t)o->connections, sizeof *fds);
    int first = o->connections > FIRST ? FIRST : 0;
    int64_t start = now();
    int64_t before;
    int alive = 0;

    r->connected = hold(fds, first);
    before = server_memory();
    r->cpu = -server_cpu();
    if (r->connected == first)
        r->connected += hold(fds + first, o->connections - first);
    r->cpu += server_cpu();
    r->operations = (uint64_t)r->connected;
    r->time = now() - start;
    if (r->connected > first && server_memory() > 0)
        r->memory = (double)(server_memory() - before) / (r->connected - first);
    for (int i = 0; i < r->connected; i++)
        alive += answers(fds[i], (uint32_t)i, 1);
    free(fds);
    errno = 0;
    if (alive != r->connected && server_memory() > 0)
        fail("a connection that is held does not answer");
}
