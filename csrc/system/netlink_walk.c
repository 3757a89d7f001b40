/*
 * netlink_walk: finds netlink messages and attributes in a string of bytes; see
 * netlink_walk.h.
 *
 * Follows netlink(7) and linux/netlink.h. Integers are in host byte order.
 */
#include <string.h>

#include "system/netlink_walk.h"

#define FLAG_CAPPED 0x100   /* NLM_F_CAPPED: the request is not repeated */
#define FLAG_ACK_TLVS 0x200 /* NLM_F_ACK_TLVS: attributes follow */
#define ERROR_BYTES 4       /* the errno at the beginning of a report */

static size_t align(size_t length)
{
    return (length + NETLINK_ALIGNMENT - 1) & ~(size_t)(NETLINK_ALIGNMENT - 1);
}

static uint16_t read16(const unsigned char *bytes)
{
    uint16_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t read32(const unsigned char *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}

static bool fail(struct netlink_reader *r, enum netlink_problem problem,
                 size_t found, size_t limit)
{
    r->problem = problem;
    r->found = found;
    r->limit = limit;
    return false;
}

/* Whether there are enough bytes for a header of so many bytes. False at the
 * end, or with a problem. */
static bool has_header(struct netlink_reader *r, size_t header)
{
    size_t left = r->end - r->position;

    if (r->position >= r->end || r->problem != NETLINK_NO_PROBLEM)
        return false;
    return left >= header || fail(r, NETLINK_CUT_SHORT, left, header);
}

static bool has_length(struct netlink_reader *r, size_t length, size_t header)
{
    size_t left = r->end - r->position;

    if (length < header)
        return fail(r, NETLINK_TOO_SMALL, length, header);
    return length <= left || fail(r, NETLINK_BEYOND_END, length, left);
}

/* Advance past a message or an attribute. The padding of the last one may be
 * missing. */
static void advance(struct netlink_reader *r, size_t length)
{
    size_t left = r->end - r->position;
    size_t step = align(length);

    r->position += step < left ? step : left;
}

static void read_header(const unsigned char *at, struct netlink_message *m)
{
    m->length = read32(at);
    m->type = read16(at + 4);
    m->flags = read16(at + 6);
    m->seq = read32(at + 8);
    m->pid = read32(at + 12);
}

bool netlink_walk_message(struct netlink_reader *r, struct netlink_message *m)
{
    if (!has_header(r, NETLINK_HEADER))
        return false;
    read_header(r->bytes + r->position, m);
    if (!has_length(r, m->length, NETLINK_HEADER))
        return false;
    m->payload = r->position + NETLINK_HEADER;
    m->end = r->position + m->length;
    advance(r, m->length);
    return true;
}

bool netlink_walk_attribute(struct netlink_reader *r,
                            struct netlink_attribute *a)
{
    const unsigned char *at;
    size_t length;
    uint16_t type;

    if (!has_header(r, NETLINK_ATTRIBUTE_HEADER))
        return false;
    at = r->bytes + r->position;
    length = read16(at);
    type = read16(at + 2);
    if (!has_length(r, length, NETLINK_ATTRIBUTE_HEADER))
        return false;
    a->type = type & NETLINK_TYPE_MASK;
    a->nested = type & NETLINK_NESTED;
    a->net_byteorder = type & NETLINK_NET_BYTEORDER;
    a->payload = r->position + NETLINK_ATTRIBUTE_HEADER;
    a->end = r->position + length;
    advance(r, length);
    return true;
}

/* Read the header of the request that an error repeats. Advances past it, and
 * past its payload unless that is left out. */
static bool read_request(struct netlink_reader *r, uint16_t flags,
                         struct netlink_report *report)
{
    struct netlink_message *request = &report->request;
    size_t length;

    if (r->end - r->position < NETLINK_HEADER)
        return fail(r, NETLINK_CUT_SHORT, r->end - r->position, NETLINK_HEADER);
    read_header(r->bytes + r->position, request);
    length = flags & FLAG_CAPPED ? NETLINK_HEADER : request->length;
    if (!has_length(r, length, NETLINK_HEADER))
        return false;
    request->payload = r->position + NETLINK_HEADER;
    request->end = r->position + length;
    report->has_request = true;
    advance(r, length);
    return true;
}

/* The end of a dump may have no payload. */
bool netlink_walk_report(struct netlink_reader *r,
                         const struct netlink_message *m,
                         struct netlink_report *report)
{
    struct netlink_reader inner = {
        .bytes = r->bytes, .position = m->payload, .end = m->end};
    size_t size = m->end - m->payload;

    *report = (struct netlink_report){.attributes = m->end, .end = m->end};
    if (m->type == NETLINK_DONE && size == 0)
        return true;
    if (size < ERROR_BYTES) {
        fail(&inner, NETLINK_CUT_SHORT, size, ERROR_BYTES);
    } else {
        report->error = (int32_t)read32(r->bytes + m->payload);
        inner.position += ERROR_BYTES;
        if (m->type == NETLINK_ERROR)
            read_request(&inner, m->flags, report);
    }
    if (inner.problem != NETLINK_NO_PROBLEM) {
        *r = inner;
        return false;
    }
    if (m->flags & FLAG_ACK_TLVS)
        report->attributes = inner.position;
    return true;
}
