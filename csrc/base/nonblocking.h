/*
 * nonblocking: sets O_NONBLOCK for one call that has no flag for it, and
 * restores it at once, since other processes may share the open file.
 */
#ifndef SOCKEYE_BASE_NONBLOCKING_H
#define SOCKEYE_BASE_NONBLOCKING_H

struct nonblocking {
    int fd;
    int flags; /* the flags before the call; -1: unknown */
};

void nonblocking_begin(struct nonblocking *u, int fd);
void nonblocking_end(const struct nonblocking *u);

#endif
