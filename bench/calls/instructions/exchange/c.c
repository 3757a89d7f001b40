/* Rounds of send and recv of 64 bytes over a socketpair. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../../support/bench.h"

#define SIZE 64

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    char data[SIZE];
    char got[SIZE];
    int fd[2];

    for (int i = 0; i < SIZE; i++)
        data[i] = (char)i;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
        fail("socketpair");
    for (long i = 0; i < rounds; i++) {
        if (send(fd[0], data, SIZE, MSG_NOSIGNAL) != SIZE)
            fail("send");
        if (recv(fd[1], got, SIZE, 0) != SIZE)
            fail("recv");
    }
    if (rounds < 1 || memcmp(data, got, SIZE) != 0)
        return 1;
    printf("exchanged %ld\n", rounds);
    return 0;
}
