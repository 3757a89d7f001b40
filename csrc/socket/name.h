/*
 * name: the addresses of a socket's ends, where it has them.
 */
#ifndef SOCKEYE_SOCKET_NAME_H
#define SOCKEYE_SOCKET_NAME_H

#include <stdbool.h>
#include <sys/socket.h>

/* getsockname(2) or getpeername(2). */
typedef int name_call(int fd, struct sockaddr *name, socklen_t *length);

struct name_result {
    struct sockaddr_storage name;
    socklen_t length;
};

/* Ask for the address of one end. Returns false if it has none: it is not bound,
 * or there is no peer. Runs no Lua code. */
bool name_find(name_call *call, int fd, struct name_result *result);

#endif
