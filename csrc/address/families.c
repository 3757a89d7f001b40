/*
 * sockaddr_family: the table of the families that have a room of their own, and
 * what these rooms share; see sockaddr_family.h.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "address/family.h"
#include "base/field.h"

/* clang-format off */
static const struct row {
    const struct address_family *family;
    void (*open)(lua_State *L);
} rows[] = {
#ifdef __linux__
    {&packet_family, open_sockaddr_packet},
    {&netlink_family, open_sockaddr_netlink},
    {&vsock_family, open_sockaddr_vsock},
#endif
    {NULL, NULL},
};
/* clang-format on */

/* Most addresses are of the families that have no row. */
const struct address_family *address_family(const struct address *a)
{
    switch (a->any.sa_family) {
    case AF_INET:
    case AF_INET6:
    case AF_UNIX:
        return NULL;
    default:
        break;
    }
    for (const struct row *row = rows; row->family; row++) {
        if (row->family->family == a->any.sa_family)
            return row->family;
    }
    return NULL;
}

const struct address_family *address_family_named(const char *text)
{
    for (const struct row *row = rows; row->family; row++) {
        const char *prefix = row->family->prefix;

        if (strncmp(text, prefix, strlen(prefix)) == 0)
            return row->family;
    }
    return NULL;
}

void address_reset(struct address *a, const struct address_family *f)
{
    memset(a->bytes, 0, a->room);
    a->any.sa_family = (sa_family_t)f->family;
    address_normalise(a, a->room);
}

void open_sockaddr_families(lua_State *L)
{
    for (const struct row *row = rows; row->family; row++)
        row->open(L);
}
