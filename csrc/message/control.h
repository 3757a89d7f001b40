/*
 * control: control messages as Lua tables, both ways (cmsg(3)).
 *
 * A table has a field for each kind that control.c has a row for, and
 * {level, type, data} in its list part for any other.
 */
#ifndef SOCKEYE_MESSAGE_CONTROL_H
#define SOCKEYE_MESSAGE_CONTROL_H

#include <stddef.h>
#include <sys/socket.h>

#include <lua.h>

#include "message/control_kind.h"

/* Encode the table at `index`, an absolute one; pushes one value. */
void control_write(lua_State *L, struct control_writer *w,
                   const struct socket *s, const char *call, int arg,
                   int index);

/* Add what has been received to the table at r->table. Descriptors that have
 * become a socket are crossed out in the message. */
void control_read(lua_State *L, const struct control_reader *r);

/* How many descriptors the message brings. */
size_t control_count_descriptors(struct msghdr *message);

/* Close those that have not been crossed out, and cross them out. */
void control_close_descriptors(struct msghdr *message);

#endif
