/*
 * interface: finds the interface that a script names; see interface.h.
 *
 * Interfaces are looked up in the list of getifaddrs(3).
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "address/address.h"
#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/field.h"
#include "base/quote.h"
#include "base/text.h"
#include "option/interface.h"
#include "socket/socket.h"

static int argerror_at(lua_State *L, int arg, const char *field,
                       const char *what)
{
    return field ? field_argerror(L, arg, field, what)
                 : luaL_argerror(L, arg, what);
}

/* Return whether an entry of getifaddrs belongs to the interface: by its name,
 * unless that is empty. */
static bool is_link(const struct ifaddrs *entry, const char *name,
                    const struct link *link)
{
    struct host host;

    if (name[0] != '\0')
        return strcmp(entry->ifa_name, name) == 0;
    return host_of(&host, entry->ifa_addr) && host_is_same(&host, &link->local);
}

/* Write the name of the interface with this index, if it has one. */
static void write_name(lua_State *L, unsigned int index, char *name)
{
    bool collected = false;
    const char *found;

    if (index == 0)
        return;
    do
        found = if_indextoname(index, name);
    while (found == NULL &&
           descriptor_collect(L, address_lookup_error(), &collected));
    if (found == NULL && errno != ENXIO)
        error_raise(L, "if_indextoname", address_lookup_error(), 0);
}

/* Find what the script did not give: the interface's index, or an IPv4 address.
 * Returns whether there is one. */
static bool complete_link(lua_State *L, struct link *link, bool wants_address)
{
    char name[IF_NAMESIZE] = "";
    struct ifaddrs *list;
    bool collected = false;
    bool found = false;
    int result;

    write_name(L, link->index, name);
    if (link->index != 0 && name[0] == '\0')
        return false;
    do
        result = getifaddrs(&list);
    while (result == -1 && descriptor_collect(L, errno, &collected));
    if (result == -1)
        error_raise(L, "getifaddrs", errno, 0);
    for (struct ifaddrs *i = list; i != NULL && !found; i = i->ifa_next) {
        if (i->ifa_addr == NULL || !is_link(i, name, link))
            continue;
        if (!wants_address)
            strncpy(name, i->ifa_name, sizeof name - 1);
        else if (i->ifa_addr->sa_family == AF_INET)
            host_of(&link->local, i->ifa_addr);
        found = !wants_address || link->local.family == AF_INET;
    }
    freeifaddrs(list);
    if (found && !wants_address)
        link->index = address_find_interface(L, name);
    return wants_address ? found : link->index != 0;
}

/* Raise that the name on top is that of no interface. */
static int reject_name(lua_State *L, int arg, const char *field)
{
    struct quote quote;

    lua_pushfstring(L, "no interface has this name: '%s'",
                    quote_value(L, -1, &quote));
    return argerror_at(L, arg, field, lua_tostring(L, -1));
}

static void check_link_text(lua_State *L, int arg, const char *field,
                            struct link *link)
{
    const char *text = lua_tostring(L, -1);
    size_t length = (size_t)lua_rawlen(L, -1);

    if (length == 0 || (length == 1 && text[0] == '*') ||
        host_parse(L, &link->local))
        return;
    if (text_is_whole(text, length))
        link->index = address_find_interface(L, text);
    if (link->index == 0)
        reject_name(L, arg, field);
}

void interface_check(lua_State *L, int arg, const char *field,
                     struct link *link)
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

unsigned interface_index(lua_State *L, int arg, const char *field,
                         struct link *link)
{
    if (link->index == 0 && link->local.family != AF_UNSPEC &&
        !complete_link(L, link, false))
        argerror_at(L, arg, field, "no interface has this address");
    return link->index;
}

void interface_check_field(lua_State *L, int arg, struct link *link)
{
    memset(link, 0, sizeof *link);
    if (lua_getfield(L, arg, "interface") != LUA_TNIL)
        interface_check(L, arg, "interface", link);
    lua_pop(L, 1);
}

struct in_addr interface_ipv4(lua_State *L, int arg, struct link *link)
{
    if (link->local.family == AF_INET ||
        interface_index(L, arg, "interface", link) == 0)
        return link->local.in;
    if (!complete_link(L, link, true))
        field_argerror(L, arg, "interface", "interface has no IPv4 address");
    return link->local.in;
}
