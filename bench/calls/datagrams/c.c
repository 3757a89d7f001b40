/*
 * UDP datagrams over the loopback, in bursts: sent, then received.
 *
 *     c METHOD SIZE COUNT
 *
 * METHOD is "loop" for a system call each, "batch" for one to 32 datagrams,
 * "offload" for 32 that the system segments and joins. Prints the seconds of
 * processor time that either side took.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../support/bench.h"

#define BATCH 32
#define BURST 64 /* as many as a queue holds */
#define LARGEST 65536

struct side {
    int fd;
    struct sockaddr_in address;
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_storage names[BATCH];
};

static struct side from;
static struct side to;
static char data[LARGEST];
static char got[BATCH][LARGEST];
static size_t size;

static void open_side(struct side *s)
{
    socklen_t length = sizeof s->address;

    s->address.sin_family = AF_INET;
    s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (s->fd == -1 ||
        bind(s->fd, (struct sockaddr *)&s->address, length) == -1 ||
        getsockname(s->fd, (struct sockaddr *)&s->address, &length) == -1)
        fail("bind");
    for (int i = 0; i < BATCH; i++) {
        s->messages[i].msg_hdr.msg_iov = &s->iov[i];
        s->messages[i].msg_hdr.msg_iovlen = 1;
    }
}

/* ---- one system call each ---- */

static void send_loop(void)
{
    for (int i = 0; i < BATCH; i++) {
        if (sendto(from.fd, data, size, 0, (struct sockaddr *)&to.address,
                   sizeof to.address) == -1)
            fail("sendto");
    }
}

static int receive_loop(void)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;

    if (recvfrom(to.fd, got[0], LARGEST, 0, (struct sockaddr *)&name,
                 &length) != (ssize_t)size)
        fail("recvfrom");
    return 1;
}

/* ---- one to many ---- */

static void send_batch(void)
{
    for (int i = 0; i < BATCH; i++) {
        from.iov[i] = (struct iovec){data, size};
        from.messages[i].msg_hdr.msg_name = &to.address;
        from.messages[i].msg_hdr.msg_namelen = sizeof to.address;
    }
    if (sendmmsg(from.fd, from.messages, BATCH, 0) != BATCH)
        fail("sendmmsg");
}

static int receive_batch(void)
{
    int n;

    for (int i = 0; i < BATCH; i++) {
        to.iov[i] = (struct iovec){got[i], size};
        to.messages[i].msg_hdr.msg_name = &to.names[i];
        to.messages[i].msg_hdr.msg_namelen = sizeof to.names[i];
    }
    n = recvmmsg(to.fd, to.messages, BATCH, MSG_WAITFORONE, NULL);
    if (n == -1)
        fail("recvmmsg");
    return n;
}

/* ---- one that the system segments and joins ---- */

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void send_offload(void)
{
    unsigned short segment = (unsigned short)size;
    struct iovec iov = {data, BATCH * size};
    union control control = {.header = {.cmsg_len = CMSG_LEN(sizeof segment),
                                        .cmsg_level = IPPROTO_UDP,
                                        .cmsg_type = UDP_SEGMENT}};
    struct msghdr header = {
        .msg_name = &to.address,
        .msg_namelen = sizeof to.address,
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_SPACE(sizeof segment),
    };

    memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
    if (sendmsg(from.fd, &header, 0) == -1)
        fail("sendmsg");
}

static int receive_offload(void)
{
    union control control;
    struct iovec iov = {got[0], LARGEST};
    struct msghdr header = {
        .msg_name = &to.names[0],
        .msg_namelen = sizeof to.names[0],
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t n = recvmsg(to.fd, &header, 0);

    if (n == -1)
        fail("recvmsg");
    return (int)((size_t)n / size);
}

struct method {
    const char *name;
    void (*send)(void);
    int (*receive)(void);
};

static const struct method methods[] = {
    {"loop", send_loop, receive_loop},
    {"batch", send_batch, receive_batch},
    {"offload", send_offload, receive_offload},
};

static const struct method *find_method(const char *name)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    }
    exit(2);
}

int main(int argc, char **argv)
{
    const struct method *m = find_method(argc > 3 ? argv[1] : "");
    long count = strtol(argv[3], NULL, 10);
    double sending = 0;
    double receiving = 0;
    int yes = 1;

    size = strtoul(argv[2], NULL, 10);
    memset(data, 'x', sizeof data);
    open_side(&from);
    open_side(&to);
    if (m->send == send_offload &&
        setsockopt(to.fd, IPPROTO_UDP, UDP_GRO, &yes, sizeof yes) == -1)
        fail("setsockopt");
    for (long done = 0; done < count; done += BURST) {
        double start = processor_time();
        double middle;

        for (int i = 0; i < BURST; i += BATCH)
            m->send();
        middle = processor_time();
        for (int i = 0; i < BURST; i += m->receive())
            ;
        sending += middle - start;
        receiving += processor_time() - middle;
    }
    if (memcmp(data, got, size) != 0)
        return 1;
    printf("sent in %.9f s, received in %.9f s\n", sending, receiving);
    return 0;
}
