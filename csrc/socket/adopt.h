/*
 * adopt: makes sockets of descriptors that are open already.
 */
#ifndef SOCKEYE_SOCKET_ADOPT_H
#define SOCKEYE_SOCKET_ADOPT_H

#include "socket/socket.h"

/* Make the closed socket own an open descriptor, which becomes close-on-exec
 * unless it is one of the standard three. Returns zero or errno: then the caller
 * still owns it. */
int socket_adopt(struct socket *s, int fd);

#endif
