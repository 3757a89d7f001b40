/*
 * host: IP addresses without a port; see host.h.
 *
 * inet_pton(3), inet_ntop(3).
 */
#include <arpa/inet.h>
#include <string.h>

#include "address/address.h"
#include "address/host.h"
#include "base/field.h"
#include "base/text.h"

bool host_parse(lua_State *L, struct host *host)
{
    const char *text = lua_tostring(L, -1);

    host->family = AF_UNSPEC;
    if (!text_is_whole(text, (size_t)lua_rawlen(L, -1)))
        return false;
    host->family = AF_INET;
    if (inet_pton(AF_INET, text, &host->in) == 1)
        return true;
    host->family = AF_INET6;
    if (inet_pton(AF_INET6, text, &host->in6) == 1)
        return true;
    host->family = AF_UNSPEC;
    return false;
}

bool host_of(struct host *host, const struct sockaddr *name)
{
    host->family = name->sa_family;
    if (host->family == AF_INET)
        host->in = ((const struct sockaddr_in *)(const void *)name)->sin_addr;
    else if (host->family == AF_INET6)
        host->in6 =
            ((const struct sockaddr_in6 *)(const void *)name)->sin6_addr;
    else
        return false;
    return true;
}

bool host_is_same(const struct host *a, const struct host *b)
{
    size_t size = a->family == AF_INET ? sizeof a->in : sizeof a->in6;

    return a->family == b->family && memcmp(&a->in, &b->in, size) == 0;
}

void host_store(struct sockaddr_storage *name, const struct host *host)
{
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;

    memset(&address, 0, sizeof address);
    if (host->family == AF_INET) {
        address.in.sin_family = AF_INET;
        address.in.sin_addr = host->in;
    } else {
        address.in6.sin6_family = AF_INET6;
        address.in6.sin6_addr = host->in6;
    }
    memset(name, 0, sizeof *name);
    memcpy(name, &address, sizeof address);
}

static const char *expected(int family)
{
    switch (family) {
    case AF_INET:
        return "IPv4 address expected";
    case AF_INET6:
        return "IPv6 address expected";
    default:
        return "numeric address expected";
    }
}

void host_check(lua_State *L, int arg, const char *field, int family,
                struct host *host)
{
    const struct address *a = address_test(L, -1);
    bool known;

    memset(host, 0, sizeof *host);
    if (a != NULL)
        known = host_of(host, &a->any);
    else
        known = lua_type(L, -1) == LUA_TSTRING && host_parse(L, host);
    if (!known || (family != AF_UNSPEC && host->family != family))
        field_argerror(L, arg, field, expected(family));
}

void host_check_field(lua_State *L, int arg, const char *field, int family,
                      struct host *host)
{
    lua_getfield(L, arg, field);
    host_check(L, arg, field, family, host);
    lua_pop(L, 1);
}

void host_push(lua_State *L, int family, const void *bytes)
{
    char text[INET6_ADDRSTRLEN];

    lua_pushstring(L, inet_ntop(family, bytes, text, sizeof text));
}
