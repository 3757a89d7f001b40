/*
 * nonblocking: sets O_NONBLOCK for one call; see nonblocking.h and fcntl(2).
 */
#include <fcntl.h>

#include "base/nonblocking.h"

void nonblocking_begin(struct nonblocking *u, int fd)
{
    u->fd = fd;
    u->flags = fcntl(fd, F_GETFL);
    if (u->flags != -1 && !(u->flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, u->flags | O_NONBLOCK);
}

void nonblocking_end(const struct nonblocking *u)
{
    if (u->flags != -1 && !(u->flags & O_NONBLOCK))
        fcntl(u->fd, F_SETFL, u->flags);
}
