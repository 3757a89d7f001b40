/*
 * netlink_walk: netlink messages and attributes in a string of bytes.
 *
 * They return offsets, copy and keep nothing, and need nothing of Lua: a fuzzer
 * calls these as they are. Nothing beyond `end` is ever read,
 * and each step that finds something moves on by at least a header.
 */
#ifndef SOCKEYE_SYSTEM_NETLINK_WALK_H
#define SOCKEYE_SYSTEM_NETLINK_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct nlmsghdr, struct nlattr and the integers around them, in bytes. */
#define NETLINK_HEADER 16
#define NETLINK_ATTRIBUTE_HEADER 4
#define NETLINK_ALIGNMENT 4

/* The two bits of an attribute's type that are none of it. */
#define NETLINK_NESTED 0x8000
#define NETLINK_NET_BYTEORDER 0x4000
#define NETLINK_TYPE_MASK 0x3fff

/* The types of messages that every protocol has. */
enum { NETLINK_NOOP = 1, NETLINK_ERROR, NETLINK_DONE, NETLINK_OVERRUN };

enum netlink_problem {
    NETLINK_NO_PROBLEM,
    NETLINK_CUT_SHORT,  /* `said` bytes are left, a header needs `limit` */
    NETLINK_TOO_SMALL,  /* the length is `said`, and has to be `limit` */
    NETLINK_BEYOND_END, /* the length is `said`, and there are `limit` */
};

/* A part of a string of bytes, to be walked through. */
struct netlink_reader {
    const unsigned char *bytes;
    size_t position; /* of what comes next */
    size_t end;
    enum netlink_problem problem; /* what is wrong at `position` */
    size_t said;
    size_t limit;
};

struct netlink_message {
    uint32_t length;
    uint16_t type;
    uint16_t flags;
    uint32_t seq;
    uint32_t pid;
    size_t payload; /* where it begins */
    size_t end;     /* where it ends, without the padding */
};

struct netlink_attribute {
    uint16_t type; /* without the two bits */
    bool nested;
    bool net_byteorder;
    size_t payload;
    size_t end;
};

/* What NLMSG_ERROR and NLMSG_DONE carry. */
struct netlink_report {
    int32_t error; /* zero, or an errno, negative */
    bool has_request;
    struct netlink_message request; /* its header; a payload may be cut */
    size_t attributes;              /* of the extended acknowledgement */
    size_t end;
};

/* The next one; false at the end, and where there is a problem. */
bool netlink_walk_message(struct netlink_reader *r, struct netlink_message *m);
bool netlink_walk_attribute(struct netlink_reader *r,
                            struct netlink_attribute *a);

/* What `m`, of type NETLINK_ERROR or NETLINK_DONE, reports. False: there
 * is a problem, which `r`, whose bytes it is in, describes. */
bool netlink_walk_report(struct netlink_reader *r,
                         const struct netlink_message *m,
                         struct netlink_report *report);

#endif
