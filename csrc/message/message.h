/*
 * message: messages as Lua tables, for sendmsg, recvmsg, sendmany and recvmany.
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

/* A message to send: a userdata whose pointers point into itself and into its
 * user values, the address and the string or list of strings. */
enum {
    OUTGOING_NAME = 1,
    OUTGOING_IOV,
    OUTGOING_RIGHTS, /* the descriptors in its control data, or nil */
    OUTGOING_VALUES = OUTGOING_RIGHTS
};

struct outgoing {
    struct msghdr header;
    unsigned char *rights; /* where the descriptors' numbers are */
    size_t rights_count;
    struct iovec iov[];
};

/* Push the outgoing message for the table {iov, name, control, flags} at the
 * absolute `index`, to be sent by `s` with `call`; errors blame `arg`. */
struct outgoing *message_pack(lua_State *L, const struct socket *s,
                              const char *call, int arg, int index);

/* Point the outgoing message to the strings of the value at `index`, its user
 * value: Lua code that has run may have replaced them. */
void message_fill(lua_State *L, int arg, int index, struct outgoing *p);

/* Set the numbers of the descriptors that the outgoing message at `index` holds,
 * for `call`: Lua code that has run may have closed them. */
void message_fill_rights(lua_State *L, int index, const char *call);

/* The options of a receiving call. */
struct receive_options {
    size_t size;    /* bytes of data */
    bool several;   /* split the data as the list `iov` says */
    size_t control; /* bytes of control data */
    bool numbers;   /* return descriptors as integers */
    int flags;
};

/* Read the table {iov, control, flags, rights} at `index`; raises an argument
 * error. Replaces it by a copy if a part of it is to be read again. */
void message_receive_options(lua_State *L, int index,
                             struct receive_options *wanted);

/* Call transfer_start_receiving, and make received descriptors close-on-exec.
 * Returns the flags for the system call. */
int message_start(lua_State *L, struct wait *w, const struct call *call,
                  struct socket *s, int flags, lua_KContext context);

/* A received message; `header` and `data` point to the caller's buffers. */
struct received {
    const struct socket *socket;
    struct msghdr *header;
    const char *data;
    size_t length; /* of the whole message; more than the buffer if cut */
    int flags;     /* the caller's, as far as the kernel has got them */
};

/* Push a table for the message; `options` is the index of the options' table.
 * If that raises, all descriptors received are closed. */
void message_push(lua_State *L, const struct received *a,
                  const struct receive_options *wanted, int options);

/* Pop the data and set it as field `data` of the message at `table`. If
 * `several`, also split it into a list `iov` by the sizes in the options; the
 * last strings may be short or missing. */
void message_set_data(lua_State *L, int table, int options, bool several);

/* Add the control data and flags of a further part to the message at
 * `index`. */
void message_add(lua_State *L, int index, const struct received *a,
                 const struct receive_options *wanted);

/* Return whether a message of `length` bytes is the end of the stream. */
bool message_is_end(const struct socket *s,
                    const struct receive_options *wanted,
                    const struct msghdr *header, size_t length);

#endif
