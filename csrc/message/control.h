/*
 * control: converts control messages from and to Lua tables (cmsg(3)).
 *
 * A table has a field for each kind that control.c lists. Its list part holds
 * {level, type, data} for any other message.
 */
#ifndef SOCKEYE_MESSAGE_CONTROL_H
#define SOCKEYE_MESSAGE_CONTROL_H

#include <stddef.h>
#include <sys/socket.h>

#include <lua.h>

#include "message/control_kind.h"

/* Encode the table at the absolute `index`. Pushes two values: one may hold
 * the bytes; the other is a list of the descriptors in `rights`, or nil. Their
 * numbers are still zero: control_fill_rights sets them. Errors blame `arg`. */
void control_write(lua_State *L, struct control_writer *w,
                   const struct socket *s, const char *call, int arg,
                   int index);

/* Add the received messages to the table at r->table. A descriptor that a
 * socket now owns is replaced by -1 in the message. */
void control_read(lua_State *L, const struct control_reader *r);

/* Return the message after `c`, or NULL. musl's CMSG_NXTHDR leaves out a last
 * message without data. */
struct cmsghdr *control_next(const struct msghdr *m, struct cmsghdr *c);

/* Return how many descriptors the message holds. */
size_t control_count_descriptors(struct msghdr *message);

/* Close the descriptors that nobody owns yet, and replace each by -1. */
void control_close_descriptors(struct msghdr *message);

#endif
