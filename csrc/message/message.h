/*
 * message: what sendmsg and recvmsg share with the calls that do the same for
 * many messages at once.
 */
#ifndef SOCKEYE_MESSAGE_MESSAGE_H
#define SOCKEYE_MESSAGE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <lua.h>

#include "socket/socket.h"
#include "task/wait.h"

#define MESSAGE_IOV 1024     /* buffers of one message (UIO_MAXIOV) */
#define MESSAGE_CONTROL 4096 /* bytes of control data, by default */

/* A message to be sent; a userdata that points into itself, and into its user
 * values: the address, and the string or list of strings. */
enum { OUTGOING_NAME = 1, OUTGOING_IOV, OUTGOING_VALUES = OUTGOING_IOV };

struct outgoing {
    struct msghdr header;
    struct iovec iov[];
};

/* Push the outgoing message for the table {iov, name, control, flags} at the
 * absolute `index`, to be sent by `s` with `call`; errors blame `arg`. */
struct outgoing *message_pack(lua_State *L, const struct socket *s,
                              const char *call, int arg, int index);

/* Point the outgoing message to the strings of the value at `index`, its user
 * value: Lua code that has run may have replaced them. */
void message_fill(lua_State *L, int arg, int index, struct outgoing *p);

/* What a message is to be received into. */
struct receive_options {
    size_t size;    /* of the data */
    bool several;   /* which is to be split as the list `iov` says */
    size_t control; /* bytes for control data */
    bool numbers;   /* descriptors come as integers */
    int flags;
};

/* The options in the table {iov, control, flags, rights} at `index`. */
void message_receive_options(lua_State *L, int index,
                             struct receive_options *wanted);

/* As transfer_start_receiving; and descriptors are close-on-exec. */
int message_start(lua_State *L, struct wait *w, const struct call *call,
                  struct socket *s, int flags, lua_KContext context);

/* A message received, in the memory that `header` points to. */
struct received {
    const struct socket *socket;
    struct msghdr *header;
    const char *data;
    size_t length; /* of the message; more than the size where it was cut */
};

/* Push the table for it; `options` is the index of its table. When that
 * raises, no descriptor that came stays open. */
void message_push(lua_State *L, const struct received *a,
                  const struct receive_options *wanted, int options);

/* Split the data on top of the stack as the sizes in the options say, the last
 * of which may be short or missing, into the message at `table`; pops it. */
void message_set_data(lua_State *L, int table, int options, bool several);

/* Add the control data and flags of another part of the message at `index`. */
void message_add(lua_State *L, int index, const struct received *a,
                 const struct receive_options *wanted);

/* Whether nothing received is the end of the stream. */
bool message_is_end(const struct socket *s,
                    const struct receive_options *wanted,
                    const struct msghdr *header, size_t length);

#endif
