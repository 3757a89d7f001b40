/*
 * zerocopy: sends strings without copying them (MSG_ZEROCOPY).
 *
 * Such a string is anchored until the kernel reports that it is done with it:
 *
 *     if (zerocopy_is_wanted(flags))
 *         n = zerocopy_send(L, s, index, &message, flags);
 */
#ifndef SOCKEYE_SOCKET_ZEROCOPY_H
#define SOCKEYE_SOCKET_ZEROCOPY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <lua.h>

#include "socket/socket.h"

#ifdef MSG_ZEROCOPY
#define FLAG_ZEROCOPY MSG_ZEROCOPY
#else
#define FLAG_ZEROCOPY 0
#endif

static inline bool zerocopy_is_wanted(int flags)
{
    return flags & FLAG_ZEROCOPY;
}

/* Call sendmsg(2) once. `message` refers to the string at `index`, or to the
 * strings of the list there, which must not be changed later. The data is
 * copied if it cannot be sent without. */
ssize_t zerocopy_send(lua_State *L, struct socket *s, int index,
                      const struct msghdr *message, int flags);

/* Note that the calls `low` to `high` are completed, as the script has read in
 * the error queue. */
void zerocopy_completed(lua_State *L, const struct socket *s, uint32_t low,
                        uint32_t high, bool copied);

#endif
