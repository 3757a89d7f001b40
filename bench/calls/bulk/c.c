/*
 * Blocks of 64 KiB through a Unix stream socket.
 *
 *     c receive PATH BYTES CHECK COMMAND   listens, runs COMMAND, receives
 *     c send PATH BYTES CHECK              connects, and sends
 *     c alone PATH BYTES CHECK             both in turn, over a socketpair
 *
 * CHECK is "all" to compare every byte, "count" to count them. What received
 * prints the bytes and the seconds.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../support/bench.h"

#define BLOCK 65536

static unsigned char block[BLOCK];
static unsigned char got[BLOCK];
static bool compares;

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof a.sun_path)
        exit(2);
    memcpy(a.sun_path, path, strlen(path));
    return a;
}

static void send_block(int fd)
{
    size_t sent = 0;

    while (sent < BLOCK) {
        ssize_t n = send(fd, block + sent, BLOCK - sent, MSG_NOSIGNAL);

        if (n == -1)
            fail("send");
        sent += (size_t)n;
    }
}

/* `received` bytes came before. Returns how many came now. */
static size_t receive_some(int fd, size_t received)
{
    ssize_t n = recv(fd, got, BLOCK, 0);
    size_t offset = received % BLOCK;
    size_t first;

    if (n == -1)
        fail("recv");
    first = BLOCK - offset < (size_t)n ? BLOCK - offset : (size_t)n;
    if (compares && (memcmp(got, block + offset, first) != 0 ||
                     memcmp(got + first, block, (size_t)n - first) != 0)) {
        fprintf(stderr, "other bytes than were sent\n");
        exit(1);
    }
    return (size_t)n;
}

static void report(size_t received, size_t bytes, double start)
{
    double seconds = now() - start;

    if (received != bytes)
        exit(1);
    printf("%zu bytes in %.9f s\n", received, seconds);
}

static void run_send(const char *path, size_t bytes)
{
    struct sockaddr_un a = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof a) == -1)
        fail("connect");
    for (size_t sent = 0; sent < bytes; sent += BLOCK)
        send_block(fd);
    close(fd);
}

static void run_receive(const char *path, size_t bytes, const char *command)
{
    struct sockaddr_un a = address_of(path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t received = 0;
    size_t n;
    double start;
    FILE *child;
    int fd;

    if (bind(listener, (struct sockaddr *)&a, sizeof a) == -1 ||
        listen(listener, 1) == -1)
        fail("listen");
    /* The command is the benchmark's own. */
    child = popen(command, "r"); /* NOLINT(cert-env33-c) */
    fd = accept(listener, NULL, NULL);
    if (child == NULL || fd == -1)
        fail("accept");
    start = now();
    while ((n = receive_some(fd, received)) > 0)
        received += n;
    report(received, bytes, start);
    if (pclose(child) != 0)
        exit(1);
}

static void run_alone(size_t bytes)
{
    size_t received = 0;
    double start = now();
    int fd[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
        fail("socketpair");
    for (size_t sent = 0; sent < bytes; sent += BLOCK) {
        send_block(fd[0]);
        do
            received += receive_some(fd[1], received);
        while (received % BLOCK != 0);
    }
    report(received, bytes, start);
}

int main(int argc, char **argv)
{
    size_t bytes;

    if (argc < 5)
        return 2;
    bytes = strtoul(argv[3], NULL, 10);
    compares = strcmp(argv[4], "all") == 0;
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (unsigned char)((i * 7 + i / 256) & 255);
    if (strcmp(argv[1], "send") == 0)
        run_send(argv[2], bytes);
    else if (strcmp(argv[1], "alone") == 0)
        run_alone(bytes);
    else if (argc > 5)
        run_receive(argv[2], bytes, argv[5]);
    return 0;
}
