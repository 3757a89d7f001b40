/*
 * netlink_walk: finds netlink messages and attributes in a string of bytes.
 *
 * The functions return offsets, allocate and copy nothing, and do not need Lua,
 * so that a fuzzer can call them directly. They never read beyond `end`, and
 * each step that finds something advances by at least a header.
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

/* Two flags in an attribute's type, and the mask of the type itself. */
#define NETLINK_NESTED 0x8000
#define NETLINK_NET_BYTEORDER 0x4000
#define NETLINK_TYPE_MASK 0x3fff

/* The message types that all protocols share. */
enum { NETLINK_NOOP = 1, NETLINK_ERROR, NETLINK_DONE, NETLINK_OVERRUN };

enum netlink_problem {
    NETLINK_NO_PROBLEM,
    NETLINK_CUT_SHORT,  /* `found` bytes are left, a header needs `limit` */
    NETLINK_TOO_SMALL,  /* the length is `found`, the minimum is `limit` */
    NETLINK_BEYOND_END, /* the length is `found`, but `limit` are left */
};

/* A part of a string of bytes, and a position in it. */
struct netlink_reader {
    const unsigned char *bytes;
    size_t position; /* of the next message or attribute */
    size_t end;
    enum netlink_problem problem; /* what is wrong at `position` */
    size_t found;
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
    uint16_t type; /* without the two flags */
    bool nested;
    bool net_byteorder;
    size_t payload;
    size_t end;
};

/* The payload of NLMSG_ERROR and NLMSG_DONE. */
struct netlink_report {
    int32_t error; /* zero, or a negated errno */
    bool has_request;
    struct netlink_message request; /* its header; the payload may be missing */
    size_t attributes; /* where those of the acknowledgement begin */
    size_t end;
};

/* Read the next message or attribute. False: the end, or r->problem. */
bool netlink_walk_message(struct netlink_reader *r, struct netlink_message *m);
bool netlink_walk_attribute(struct netlink_reader *r,
                            struct netlink_attribute *a);

/* Read the payload of `m`, of type NETLINK_ERROR or NETLINK_DONE, in the bytes
 * of `r`. False: r->problem. */
bool netlink_walk_report(struct netlink_reader *r,
                         const struct netlink_message *m,
                         struct netlink_report *report);

#endif
