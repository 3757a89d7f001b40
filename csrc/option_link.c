/*
 * option_link: the hosts and interfaces that a script names; see option_link.h.
 *
 * Interfaces are looked up in what getifaddrs(3) tells.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include <lauxlib.h>

#include "error.h"
#include "option_link.h"
#include "option_type.h"
#include "sockaddr.h"
#include "socket.h"

/* ---- hosts ---- */

/* From the text on top of the stack. */
static bool parse_host(lua_State *L, struct host *host)
{
    const char *text = lua_tostring(L, -1);

    host->family = AF_UNSPEC;
    if (strlen(text) != lua_rawlen(L, -1))
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

static bool host_of(struct host *host, const struct sockaddr *name)
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

static bool same_host(const struct host *a, const struct host *b)
{
    size_t size = a->family == AF_INET ? sizeof a->in : sizeof a->in6;

    return a->family == b->family && memcmp(&a->in, &b->in, size) == 0;
}

void store_host(struct sockaddr_storage *name, const struct host *host)
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

static int argerror_at(lua_State *L, int arg, const char *field,
                       const char *what)
{
    return field ? field_argerror(L, arg, field, what)
                 : luaL_argerror(L, arg, what);
}

void check_host_value(lua_State *L, int arg, const char *field, int family,
                      struct host *host)
{
    const struct address *a = address_test(L, -1);
    bool known;

    memset(host, 0, sizeof *host);
    if (a != NULL)
        known = host_of(host, &a->any);
    else
        known = lua_type(L, -1) == LUA_TSTRING && parse_host(L, host);
    if (!known)
        field_argerror(L, arg, field, "numeric address expected");
    if (family != AF_UNSPEC && host->family != family)
        field_argerror(L, arg, field,
                       family == AF_INET ? "IPv4 address expected"
                                         : "IPv6 address expected");
}

void check_host(lua_State *L, int arg, const char *field, int family,
                struct host *host)
{
    lua_getfield(L, arg, field);
    check_host_value(L, arg, field, family, host);
    lua_pop(L, 1);
}

/* ---- interfaces ---- */

/* Whether an entry of getifaddrs is of the interface that `link` names. */
static bool is_link(const struct ifaddrs *entry, const struct link *link)
{
    struct host host;

    if (link->index != 0)
        return if_nametoindex(entry->ifa_name) == link->index;
    return host_of(&host, entry->ifa_addr) && same_host(&host, &link->local);
}

/* Complete a link that was named otherwise: its index, or an IPv4 address. */
static bool complete_link(lua_State *L, struct link *link, bool wants_address)
{
    struct ifaddrs *list;
    bool collected = false;
    bool found = false;
    int result;

    do
        result = getifaddrs(&list);
    while (result == -1 && collect_descriptors(L, errno, &collected));
    if (result == -1)
        raise_errno(L, "getifaddrs", errno, 0);
    for (struct ifaddrs *i = list; i != NULL && !found; i = i->ifa_next) {
        if (i->ifa_addr == NULL || !is_link(i, link))
            continue;
        if (!wants_address)
            link->index = if_nametoindex(i->ifa_name);
        else if (i->ifa_addr->sa_family == AF_INET)
            host_of(&link->local, i->ifa_addr);
        found = wants_address ? link->local.family == AF_INET : link->index;
    }
    freeifaddrs(list);
    return found;
}

static void check_link_text(lua_State *L, int arg, const char *field,
                            struct link *link)
{
    const char *text = lua_tostring(L, -1);
    size_t length = lua_rawlen(L, -1);

    if (length == 0 || parse_host(L, &link->local))
        return;
    if (strlen(text) == length)
        link->index = find_interface(L, text);
    if (link->index == 0)
        argerror_at(L, arg, field, "no interface of that name");
}

void check_link(lua_State *L, int arg, const char *field, struct link *link)
{
    const struct address *a = address_test(L, -1);
    int isinteger;
    lua_Integer index;

    memset(link, 0, sizeof *link);
    if (a != NULL && host_of(&link->local, &a->any))
        return;
    if (lua_type(L, -1) == LUA_TSTRING) {
        check_link_text(L, arg, field, link);
        return;
    }
    index = lua_tointegerx(L, -1, &isinteger);
    if (!isinteger)
        argerror_at(L, arg, field, "name, index or address expected");
    else if (index < 0 || index > INT32_MAX)
        argerror_at(L, arg, field, "index out of range");
    link->index = (unsigned)index;
}

unsigned need_index(lua_State *L, int arg, const char *field, struct link *link)
{
    if (link->index == 0 && link->local.family != AF_UNSPEC &&
        !complete_link(L, link, false))
        argerror_at(L, arg, field, "no interface of that address");
    return link->index;
}

void check_link_field(lua_State *L, int arg, struct link *link)
{
    memset(link, 0, sizeof *link);
    if (lua_getfield(L, arg, "interface") != LUA_TNIL)
        check_link(L, arg, "interface", link);
    lua_pop(L, 1);
}

struct in_addr need_local(lua_State *L, int arg, struct link *link)
{
    if (link->local.family == AF_INET ||
        need_index(L, arg, "interface", link) == 0)
        return link->local.in;
    if (!complete_link(L, link, true))
        field_argerror(L, arg, "interface", "it has no IPv4 address");
    return link->local.in;
}
