/*
 * UDP datagrams over the loopback, sent and received with control data.
 *
 *     c KIND ROUNDS
 *
 * KIND is "send" for datagrams that are sent alone, or what is received with
 * them: "none", "ttl", or "three": pktinfo, ttl and timestampns.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../../../support/bench.h"

#define SIZE 64

static struct in_pktinfo pktinfo;
static struct timespec stamp;
static int ttl;

static void set(int fd, int level, int option)
{
    int yes = 1;

    if (setsockopt(fd, level, option, &yes, sizeof yes) == -1)
        fail("setsockopt");
}

static void decode(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
            memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
        else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            memcpy(&pktinfo, CMSG_DATA(c), sizeof pktinfo);
        else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    }
}

static void receive(int fd)
{
    char data[SIZE];
    char control[256];
    struct sockaddr_in name;
    struct iovec iov = {data, sizeof data};
    struct msghdr message = {
        .msg_name = &name,
        .msg_namelen = sizeof name,
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };

    if (recvmsg(fd, &message, 0) != SIZE)
        fail("recvmsg");
    decode(&message);
}

static int open_connected(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t length = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, length) == -1 ||
        getsockname(fd, (struct sockaddr *)&a, &length) == -1 ||
        connect(fd, (struct sockaddr *)&a, length) == -1)
        fail("connect");
    return fd;
}

int main(int argc, char **argv)
{
    static const char data[SIZE];
    const char *kind = argc > 1 ? argv[1] : "none";
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    int fd = open_connected();

    if (strcmp(kind, "ttl") == 0 || strcmp(kind, "three") == 0)
        set(fd, IPPROTO_IP, IP_RECVTTL);
    if (strcmp(kind, "three") == 0) {
        set(fd, IPPROTO_IP, IP_PKTINFO);
        set(fd, SOL_SOCKET, SO_TIMESTAMPNS);
    }
    for (long i = 0; i < rounds; i++) {
        if (send(fd, data, SIZE, 0) != SIZE)
            fail("send");
        if (strcmp(kind, "send") != 0)
            receive(fd);
    }
    printf("%ld rounds, ttl %d\n", rounds, ttl);
    return 0;
}
