/*
 * plant: open descriptors in control data; see plant.h.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "plant.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

struct planting {
    int source;
    int count;
    bool has_pidfd;
};

static void plant(struct planting *p, unsigned char *data, size_t count,
                  bool real)
{
    for (; count > 0; count--, data += sizeof(int)) {
        int fd = -1;

        if (real && p->count < MOST_PLANTED) {
            fd = fcntl(p->source, F_DUPFD_CLOEXEC, 0);
            p->count++;
        }
        memcpy(data, &fd, sizeof fd);
    }
}

/* The kernel sends at most one pidfd with a message. */
void plant_descriptors(struct msghdr *m, int source)
{
    struct planting p = {.source = source};
    unsigned char *end = (unsigned char *)m->msg_control;

    if (m->msg_controllen == 0)
        return;
    end += m->msg_controllen;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        unsigned char *data = CMSG_DATA(c);
        size_t size = c->cmsg_len < CMSG_LEN(0) ? 0 : c->cmsg_len - CMSG_LEN(0);
        size_t count;

        if (size > (size_t)(end - data))
            size = (size_t)(end - data);
        count = size / sizeof(int);
        if (c->cmsg_level != SOL_SOCKET || count == 0)
            continue;
        if (c->cmsg_type == SCM_RIGHTS) {
            plant(&p, data, count, true);
        } else if (c->cmsg_type == SCM_PIDFD) {
            plant(&p, data, count, false);
            plant(&p, data, 1, !p.has_pidfd);
            p.has_pidfd = true;
        }
    }
}
