/*
 * queues: how many bytes the system holds for a descriptor.
 */
#ifndef SOCKEYE_SOCKET_QUEUES_H
#define SOCKEYE_SOCKET_QUEUES_H

enum queue_kind {
    QUEUE_RECEIVED,    /* not yet read */
    QUEUE_UNCONFIRMED, /* written, and not yet confirmed by the peer */
    QUEUE_UNSENT       /* of these, not yet sent */
};

/* Ask for the bytes in a queue. Returns zero or errno: EOPNOTSUPP where there is
 * no such count. */
int queues_ask(int fd, enum queue_kind kind, int *bytes);

#endif
