/*
 * netlink_walk: walks through any bytes as messages and as attributes.
 *
 * Checks that all that is found lies within the bytes, that each step advances,
 * and that an error names a place in the bytes.
 */
#include "harness.h"
#include "system/netlink_walk.h"

enum { DEPTH = 12 };

static void check_problem(lua_State *L, const struct netlink_reader *r)
{
    fuzz_check(L, r->position <= r->end, "walked beyond the end");
    if (r->problem == NETLINK_NO_PROBLEM)
        fuzz_check(L, r->position == r->end, "stopped before the end");
    else if (r->problem == NETLINK_BEYOND_END)
        fuzz_check(L, r->found > r->limit, "no length beyond the end");
    else
        fuzz_check(L, r->found < r->limit, "no length too small");
}

/* Checks that the part lies within the reader's, in order. */
static void check_part(lua_State *L, size_t from, size_t payload, size_t end,
                       const struct netlink_reader *r)
{
    fuzz_check(L,
               from < payload && payload <= end && end <= r->position &&
                   r->position <= r->end,
               "a part beyond its whole");
}

/* Walks attributes, and those nested in each, whatever its flag says. */
static void walk_attributes(lua_State *L, struct netlink_reader r, int depth)
{
    struct netlink_attribute a;
    size_t from = r.position;

    while (netlink_walk_attribute(&r, &a)) {
        struct netlink_reader inner = {
            .bytes = r.bytes, .position = a.payload, .end = a.end};

        check_part(L, from, a.payload, a.end, &r);
        fuzz_check(L, a.type <= NETLINK_TYPE_MASK, "a flag in a type");
        if (depth < DEPTH)
            walk_attributes(L, inner, depth + 1);
        from = r.position;
    }
    check_problem(L, &r);
}

static void walk_report(lua_State *L, const struct netlink_reader *whole,
                        const struct netlink_message *m)
{
    struct netlink_reader r = *whole;
    struct netlink_report report;

    if (!netlink_walk_report(&r, m, &report)) {
        fuzz_check(L, r.problem != NETLINK_NO_PROBLEM, "a report without why");
        fuzz_check(L, r.position >= m->payload && r.end <= m->end,
                   "a problem elsewhere");
        return;
    }
    if (report.has_request)
        fuzz_check(L,
                   report.request.payload <= report.request.end &&
                       report.request.end <= m->end,
                   "a request beyond its report");
    fuzz_check(L, report.attributes <= report.end && report.end <= m->end,
               "attributes beyond their report");
    r.position = report.attributes;
    r.end = report.end;
    walk_attributes(L, r, 0);
}

static void walk_messages(lua_State *L, struct netlink_reader r)
{
    struct netlink_message m;
    size_t from = r.position;

    while (netlink_walk_message(&r, &m)) {
        struct netlink_reader inner = {
            .bytes = r.bytes, .position = m.payload, .end = m.end};

        check_part(L, from, m.payload, m.end, &r);
        if (m.type == NETLINK_ERROR || m.type == NETLINK_DONE)
            walk_report(L, &r, &m);
        walk_attributes(L, inner, 0);
        from = r.position;
    }
    check_problem(L, &r);
}

int fuzz_netlink_walk(lua_State *L)
{
    struct supply s = supply_of(L, 1);
    struct netlink_reader r = {.bytes = push_exact(L, s.bytes, s.left),
                               .end = s.left};

    walk_messages(L, r);
    walk_attributes(L, r, 0);
    return 0;
}
