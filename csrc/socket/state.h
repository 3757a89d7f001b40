/*
 * state: the state of a connection, and the names of TCP's states.
 */
#ifndef SOCKEYE_SOCKET_STATE_H
#define SOCKEYE_SOCKET_STATE_H

/* "ESTABLISHED" for TCP_ESTABLISHED; "UNKNOWN" for a number without a name. */
const char *state_tcp_name(unsigned state);

/* The state of the socket, as Socket:state returns it. NULL: see errno. */
const char *state_name(int fd, int family, int type);

#endif
