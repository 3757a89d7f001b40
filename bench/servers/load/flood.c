/*
 * flood: sends as many bytes or packets as the server takes, which prints how
 * many have arrived. See sendmmsg(2).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BURST 64

/* ---- blocks over a stream ---- */

static uint64_t send_blocks(int fd, const char *block, int64_t deadline,
                            uint64_t limit)
{
    uint64_t count = 0;

    while (count < limit && now() < deadline) {
        int64_t began = now();

        if (send(fd, block, BLOCK, 0) != BLOCK)
            fail("send");
        latency_add(now() - began);
        count++;
    }
    return count;
}

/* The server sends how many bytes have come when there are no more. */
static void check_count(int fd, uint64_t bytes)
{
    char text[32];
    size_t used = 0;
    ssize_t n;

    shutdown(fd, SHUT_WR);
    while (used < sizeof text - 1 &&
           (n = recv(fd, text + used, sizeof text - 1 - used, 0)) > 0)
        used += (size_t)n;
    text[used] = '\0';
    errno = 0;
    if (strtoull(text, NULL, 10) != bytes)
        fail("the server has not counted what was sent");
    close(fd);
}

static uint64_t flood(const char *block, double seconds, uint64_t limit)
{
    int fd = server_connect(SOCK_STREAM);
    uint64_t count;

    if (fd == -1)
        fail("connect");
    count = send_blocks(fd, block, now() + (int64_t)(seconds * 1e9), limit);
    check_count(fd, count * BLOCK);
    return count;
}

void do_bulk(const struct options *o, struct result *r)
{
    char *block = obtain(1, BLOCK);
    int64_t start;

    unit_fill(block, BLOCK / UNIT);
    if (o->operations == 0)
        flood(block, o->warmup, UINT64_MAX);
    latency_clear();
    r->cpu = -server_cpu();
    start = now();
    r->operations =
        flood(block, o->seconds, o->operations ? o->operations : UINT64_MAX);
    r->time = now() - start;
    r->cpu += server_cpu();
    r->connected = 1;
    free(block);
}

/* ---- packets ---- */

/* A packet of one byte asks for the number of units that have come. It may be
 * lost where the queue is full. */
static uint64_t ask_count(int fd)
{
    char text[32];

    for (int turn = 0; turn < 100; turn++) {
        struct pollfd p = {fd, POLLIN, 0};

        send(fd, "?", 1, 0);
        if (poll(&p, 1, 100) > 0) {
            ssize_t n = recv(fd, text, sizeof text - 1, 0);

            text[n > 0 ? n : 0] = '\0';
            return strtoull(text, NULL, 10);
        }
    }
    errno = 0;
    fail("the server does not say how many packets have come");
}

static uint64_t send_packets(int fd, int64_t deadline, uint64_t limit)
{
    struct mmsghdr messages[BURST] = {0};
    struct iovec iov[BURST];
    char units[BURST * UNIT];
    uint64_t count = 0;

    unit_fill(units, BURST);
    for (int i = 0; i < BURST; i++) {
        iov[i] = (struct iovec){units + (size_t)i * UNIT, UNIT};
        messages[i].msg_hdr.msg_iov = &iov[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (count < limit && now() < deadline) {
        int n = sendmmsg(fd, messages, BURST, 0);

        if (n == -1 && errno != ENOBUFS && errno != EAGAIN)
            fail("sendmmsg");
        count += n > 0 ? (uint64_t)n : 0;
    }
    return count;
}

void do_packets(const struct options *o, struct result *r)
{
    int fd = server_connect(SOCK_DGRAM);
    uint64_t before;
    int64_t start;

    if (fd == -1)
        fail("connect");
    ask_count(fd);
    if (o->operations == 0)
        send_packets(fd, now() + (int64_t)(o->warmup * 1e9), UINT64_MAX);
    before = ask_count(fd);
    r->cpu = -server_cpu();
    start = now();
    r->offered = send_packets(fd, start + (int64_t)(o->seconds * 1e9),
                              o->operations ? o->operations : UINT64_MAX);
    r->operations = ask_count(fd) - before;
    r->time = now() - start;
    r->cpu += server_cpu();
    r->connected = 1;
}
