/*
 * families: the table of the families that have a file of their own, and the
 * functions that use it; see families.h.
 */
#include <string.h>

#include "address/alg.h"
#include "address/can.h"
#include "address/families.h"
#include "address/netlink.h"
#include "address/packet.h"
#include "address/tipc.h"
#include "address/vsock.h"
#include "base/size.h"
#include "open.h"

/* clang-format off */
static const struct address_family *const families[] = {
#ifdef __linux__
    &packet_family, &netlink_family, &vsock_family, &can_family,
    &alg_family, &tipc_family,
#endif
    NULL,
};
/* clang-format on */

/* The switch is a shortcut for the most usual families, which have no row. */
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
    for (int i = 0; families[i] != NULL; i++) {
        if (families[i]->family == a->any.sa_family)
            return families[i];
    }
    return NULL;
}

const struct address_family *address_family_named(const char *text)
{
    for (int i = 0; families[i] != NULL; i++) {
        const char *prefix = families[i]->prefix;

        if (strncmp(text, prefix, strlen(prefix)) == 0)
            return families[i];
    }
    return NULL;
}

/* A path ends at its first zero; its length includes one if it fits. */
static socklen_t normalise_path(struct address *a, size_t length)
{
    size_t path = length > SUN_PATH_OFFSET ? length - SUN_PATH_OFFSET : 0;

    if (path > 0 && a->un.sun_path[0] != '\0') {
        path = strnlen(a->un.sun_path,
                       path < SUN_PATH_SIZE ? path : SUN_PATH_SIZE);
        path += path < SUN_PATH_SIZE;
    }
    return (socklen_t)(SUN_PATH_OFFSET + path);
}

/* An address of a family without a row stays as it is. */
static socklen_t normalise_other(struct address *a, socklen_t length)
{
    const struct address_family *f = address_family(a);
    size_t whole = f != NULL ? f->normalise(a) : length;

    return whole < a->capacity ? (socklen_t)whole : a->capacity;
}

void address_normalise(struct address *a, socklen_t length)
{
    length = (socklen_t)size_within(length, a->capacity);
    memset(a->bytes + length, 0, a->capacity - length);
    if (length < sizeof a->any.sa_family)
        length = sizeof a->any.sa_family;
    a->length = length;
    switch (a->any.sa_family) {
    case AF_INET:
        memset(a->in.sin_zero, 0, sizeof a->in.sin_zero);
        a->length = sizeof a->in;
        break;
    case AF_INET6:
        a->length = sizeof a->in6;
        break;
    case AF_UNIX:
        a->length = normalise_path(a, length);
        break;
    default:
        a->length = normalise_other(a, length);
        break;
    }
}

void address_push(lua_State *L, const struct sockaddr *from, socklen_t length)
{
    struct address *a = address_new_of(
        L, length < sizeof from->sa_family ? AF_UNSPEC : from->sa_family);

    memcpy(a->bytes, from, size_within(length, a->capacity));
    address_normalise(a, length);
}

const struct address_family *address_family_at(int i)
{
    return families[i];
}

void open_families(lua_State *L)
{
    for (int i = 0; families[i] != NULL; i++)
        families[i]->open(L);
}
