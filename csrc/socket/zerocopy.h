/*
 * zerocopy: sending strings without copying them.
 *
 * A string that has been given to the kernel so is anchored until the kernel
 * says that it is done with it:
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

/* sendmsg(2), once: the data is that of the string at `index`, or of the list
 * of strings, which nobody else has. It is copied where there is no other
 * way. */
ssize_t zerocopy_send(lua_State *L, struct socket *s, int index,
                      const struct msghdr *message, int flags);

/* The script has read from the error queue that these calls are completed. */
void zerocopy_completed(lua_State *L, const struct socket *s, uint32_t low,
                        uint32_t high, bool copied);

#endif
