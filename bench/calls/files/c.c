/*
 * Bytes past a process, over TCP on the loopback or from another host.
 *
 *     c sink HOST PORT                 connects, and drops what comes
 *     c source BYTES HOST PORT         connects, and sends
 *     c sendfile PATH TIMES SINK       sends a file so many times
 *     c pipe BYTES SINK SOURCE         moves from the one to the other
 *
 * SINK and SOURCE are commands to which host and port are appended. The last
 * two print the bytes, the seconds and the processor time.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../support/bench.h"

#define BLOCK 65536
#define LONGEST ((size_t)1 << 24)

static int connect_to(const char *host, const char *port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)strtoul(port, NULL, 10)),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (inet_pton(AF_INET, host, &a.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&a, sizeof a) == -1)
        fail("connect");
    return fd;
}

/* Dropped without a copy: the sender is what is measured. */
static void run_sink(int fd)
{
    static char block[1 << 20];
    ssize_t n;

    do
        n = recv(fd, block, sizeof block, MSG_TRUNC);
    while (n > 0);
    if (n == -1)
        fail("recv");
}

static void run_source(int fd, size_t bytes)
{
    static char block[BLOCK];

    while (bytes > 0) {
        size_t size = bytes < BLOCK ? bytes : BLOCK;
        ssize_t n = send(fd, block, size, MSG_NOSIGNAL);

        if (n == -1)
            fail("send");
        bytes -= (size_t)n;
    }
}

/* A connection from the command, which is the benchmark's own. */
static int accept_from(const char *command, FILE **child)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t length = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char line[1024];
    int fd;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) == -1 ||
        listen(listener, 1) == -1 ||
        getsockname(listener, (struct sockaddr *)&a, &length) == -1)
        fail("listen");
    snprintf(line, sizeof line, "%s 127.0.0.1 %d", command, ntohs(a.sin_port));
    *child = popen(line, "r"); /* NOLINT(cert-env33-c) */
    fd = accept(listener, NULL, NULL);
    if (*child == NULL || fd == -1)
        fail("accept");
    close(listener);
    return fd;
}

static void end(int fd, FILE *child)
{
    close(fd);
    if (pclose(child) != 0)
        exit(1);
}

static void report(size_t bytes, double start, double processor)
{
    printf("%zu bytes in %.9f s, %.9f s of processor time\n", bytes,
           now() - start, processor_time() - processor);
}

static void run_sendfile(const char *path, long times, const char *command)
{
    int file = open(path, O_RDONLY);
    FILE *child;
    int fd = accept_from(command, &child);
    size_t sent = 0;
    double start = now();
    double processor = processor_time();
    ssize_t n;

    for (long i = 0; i < times; i++) {
        off_t offset = 0;

        do {
            n = sendfile(fd, file, &offset, LONGEST);
            if (n == -1)
                fail("sendfile");
            sent += (size_t)n;
        } while (n > 0);
    }
    end(fd, child);
    report(sent, start, processor);
}

static void run_pipe(size_t bytes, const char *sink, const char *source)
{
    FILE *reader, *writer;
    int to = accept_from(sink, &reader);
    int from = accept_from(source, &writer);
    double start = now();
    double processor = processor_time();
    size_t moved = 0;
    int between[2];

    if (pipe(between) == -1)
        fail("pipe");
    while (moved < bytes) {
        ssize_t inside =
            splice(from, NULL, between[1], NULL, BLOCK, SPLICE_F_MOVE);

        if (inside <= 0)
            fail("splice");
        while (inside > 0) {
            ssize_t n = splice(between[0], NULL, to, NULL, (size_t)inside,
                               SPLICE_F_MOVE);

            if (n <= 0)
                fail("splice");
            inside -= n;
            moved += (size_t)n;
        }
    }
    end(to, reader);
    end(from, writer);
    report(moved, start, processor);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "sink") == 0)
        run_sink(connect_to(argv[2], argv[3]));
    else if (argc == 5 && strcmp(argv[1], "source") == 0)
        run_source(connect_to(argv[3], argv[4]), strtoul(argv[2], NULL, 10));
    else if (argc == 5 && strcmp(argv[1], "sendfile") == 0)
        run_sendfile(argv[2], strtol(argv[3], NULL, 10), argv[4]);
    else if (argc == 5 && strcmp(argv[1], "pipe") == 0)
        run_pipe(strtoul(argv[2], NULL, 10), argv[3], argv[4]);
    else
        return 2;
    return 0;
}
