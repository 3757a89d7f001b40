/*
 * name: the addresses of a socket's ends; see name.h, getsockname(2) and
 * getpeername(2).
 */
#include <netinet/in.h>

#include "socket/name.h"

static bool is_wildcard(const struct sockaddr_storage *name)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)name;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)name;

    switch (name->ss_family) {
    case AF_INET:
        return in->sin_port == 0 && in->sin_addr.s_addr == INADDR_ANY;
    case AF_INET6:
        return in6->sin6_port == 0 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
    default:
        return false;
    }
}

bool name_find(name_call *call, int fd, struct name_result *result)
{
    result->length = sizeof result->name;
    return call(fd, (struct sockaddr *)&result->name, &result->length) == 0 &&
           result->length > sizeof result->name.ss_family &&
           !is_wildcard(&result->name);
}
