/*
 * What the others are compared with: a server on epoll(7) with one recv and one
 * send for each request.
 *
 *     c echo|lines|once|sink|packets [PATH]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../support/bench.h"

#define BATCH 256
#define SIZE 65536
#define MOST 65536 /* connections */

struct connection {
    int fd;
    uint64_t count; /* bytes that have come */
    size_t kept;    /* bytes of a line that has not ended */
    char *rest;
    char client[32]; /* what a server would keep about its client */
};

static struct connection connections[MOST]; /* by descriptor */
static int epoll;
static int listener;
static char buffer[SIZE + 1];
static char answer[SIZE];

static int listen_inet(int type)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    const int yes = 1;
    int fd = socket(AF_INET, type, 0);

    /* A connection inherits it. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == -1)
        fail("bind");
    getsockname(fd, (struct sockaddr *)&a, &length);
    if (type & SOCK_STREAM && listen(fd, 4096) == -1)
        fail("listen");
    printf("ready %d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == -1)
        fail("bind");
    if (listen(fd, 4096) == -1)
        fail("listen");
    printf("ready %s\n", path);
    fflush(stdout);
    return fd;
}

/* ---- what is done with data; false: the connection has ended ---- */

static bool send_it(const struct connection *c, const char *data, size_t size)
{
    return send(c->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool echo(struct connection *c)
{
    ssize_t n = recv(c->fd, buffer, SIZE, 0);

    if (n == -1)
        return errno == EAGAIN;
    return n > 0 && send_it(c, buffer, (size_t)n);
}

static bool once(struct connection *c)
{
    ssize_t n = recv(c->fd, buffer, SIZE, 0);

    if (n == -1)
        return errno == EAGAIN;
    if (n > 0)
        send_it(c, buffer, (size_t)n);
    return false;
}

/* Keep the beginning of a line; it is short. */
static void keep(struct connection *c, const char *data, size_t size)
{
    char *rest = size > 0 ? malloc(size) : NULL;

    if (size > 0)
        memcpy(rest, data, size);
    free(c->rest);
    c->rest = rest;
    c->kept = size;
}

static bool lines(struct connection *c)
{
    char *line = buffer;
    char *end;
    char *newline;
    size_t size = 0;
    ssize_t n;

    memcpy(buffer, c->rest ? c->rest : "", c->kept);
    n = recv(c->fd, buffer + c->kept, SIZE - c->kept, 0);
    if (n <= 0)
        return n == -1 && errno == EAGAIN;
    end = buffer + c->kept + n;
    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        size_t length = (size_t)(newline + 1 - line);

        memcpy(answer + size, line, length);
        size += length;
        line = newline + 1;
    }
    if (c->kept > 0 || line < end)
        keep(c, line, (size_t)(end - line));
    return send_it(c, answer, size);
}

static bool sink(struct connection *c)
{
    char text[32];
    ssize_t n = recv(c->fd, buffer, SIZE, 0);

    if (n == -1)
        return errno == EAGAIN;
    c->count += (uint64_t)n;
    if (n > 0)
        return true;
    snprintf(text, sizeof text, "%llu", (unsigned long long)c->count);
    send_it(c, text, strlen(text));
    return false;
}

/* ---- the loop ---- */

static void watch(int fd, void *what)
{
    struct epoll_event e = {EPOLLIN, {.ptr = what}};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == -1)
        fail("epoll_ctl");
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) != -1) {
        if (fd >= MOST) {
            close(fd);
            continue;
        }
        connections[fd] = (struct connection){.fd = fd};
        watch(fd, &connections[fd]);
    }
}

static void serve(bool (*work)(struct connection *c))
{
    epoll = epoll_create1(0);
    watch(listener, NULL);
    for (;;) {
        struct epoll_event events[BATCH];
        int n = epoll_wait(epoll, events, BATCH, -1);

        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;

            if (c == NULL) {
                accept_all();
            } else if (!work(c)) {
                close(c->fd);
                free(c->rest);
            }
        }
    }
}

/* Units are counted; a packet of another size asks how many have come. */
static void take_packets(int fd)
{
    unsigned long long count = 0;
    struct epoll_event e = {EPOLLIN, {.ptr = NULL}};
    ssize_t n;

    epoll = epoll_create1(0);
    watch(fd, NULL);
    for (;;) {
        while ((n = recv(fd, buffer, SIZE, MSG_DONTWAIT)) != -1) {
            char text[32];

            if (n == 64) {
                count++;
                continue;
            }
            snprintf(text, sizeof text, "%llu", count);
            send(fd, text, strlen(text), 0);
        }
        epoll_wait(epoll, &e, 1, -1);
    }
}

/* The sender of the first packet gets the answers. */
static void serve_packets(int fd)
{
    struct sockaddr_in a;
    socklen_t length = sizeof a;

    recvfrom(fd, buffer, SIZE, 0, (struct sockaddr *)&a, &length);
    if (connect(fd, (struct sockaddr *)&a, length) == -1)
        fail("connect");
    send(fd, "0", 1, 0);
    take_packets(fd);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*work)(struct connection *c);
    } works[] = {
        {"echo", echo}, {"lines", lines}, {"once", once}, {"sink", sink}};
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (argc > 1 && strcmp(argv[1], "packets") == 0)
        serve_packets(listen_inet(SOCK_DGRAM));
    for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++) {
        if (strcmp(argv[1], works[i].name) != 0)
            continue;
        listener = argc > 2 ? listen_unix(argv[2])
                            : listen_inet(SOCK_STREAM | SOCK_NONBLOCK);
        serve(works[i].work);
    }
    return 2;
}
