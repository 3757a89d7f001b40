/*
 * fields: the fields of an address; see fields.h.
 *
 * Fields are named get_*.
 */
#include <arpa/inet.h>
#include <string.h>

#include "address/families.h"
#include "address/fields.h"
#include "base/argument.h"
#include "base/nearest.h"
#include "base/text.h"

static void get_family(lua_State *L, const struct address *a)
{
    names_push(L, &address_family_names, a->any.sa_family);
}

void fields_push_host(lua_State *L, const struct address *a)
{
    char text[INET6_ADDRSTRLEN];

    const char *host = NULL;

    if (a->any.sa_family == AF_INET)
        host = inet_ntop(AF_INET, &a->in.sin_addr, text, sizeof text);
    else if (a->any.sa_family == AF_INET6)
        host = inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof text);
    lua_pushstring(L, host);
}

static void get_port(lua_State *L, const struct address *a)
{
    if (a->any.sa_family == AF_INET)
        lua_pushinteger(L, ntohs(a->in.sin_port));
    else if (a->any.sa_family == AF_INET6)
        lua_pushinteger(L, ntohs(a->in6.sin6_port));
    else
        lua_pushnil(L);
}

static void get_flowinfo(lua_State *L, const struct address *a)
{
    if (a->any.sa_family == AF_INET6)
        lua_pushinteger(L, ntohl(a->in6.sin6_flowinfo));
    else
        lua_pushnil(L);
}

static void get_scope_id(lua_State *L, const struct address *a)
{
    if (a->any.sa_family == AF_INET6)
        lua_pushinteger(L, a->in6.sin6_scope_id);
    else
        lua_pushnil(L);
}

static void get_path(lua_State *L, const struct address *a)
{
    size_t length = a->length - SUN_PATH_OFFSET;

    if (a->any.sa_family != AF_UNIX || length == 0)
        lua_pushnil(L);
    else if (a->un.sun_path[0] == '\0')
        lua_pushlstring(L, a->un.sun_path, length);
    else
        lua_pushlstring(L, a->un.sun_path, strnlen(a->un.sun_path, length));
}

static void get_bytes(lua_State *L, const struct address *a)
{
    size_t family = sizeof a->any.sa_family;

    lua_pushlstring(L, (const char *)a->bytes + family, a->length - family);
}

static const struct address_field fields[] = {
    {"family", get_family},     {"host", fields_push_host},
    {"port", get_port},         {"flowinfo", get_flowinfo},
    {"scope_id", get_scope_id}, {"path", get_path},
    {"bytes", get_bytes},       {NULL, NULL},
};

static const struct address_field *find(const struct address_field *f,
                                        const char *name, size_t length)
{
    while (f->name != NULL && !text_is_name(name, length, f->name))
        f++;
    return f->name != NULL ? f : NULL;
}

bool fields_push(lua_State *L, const struct address *a)
{
    const struct address_family *family = address_family(a);
    const struct address_field *f = NULL;
    size_t length;
    const char *name = lua_tolstring(L, 2, &length);

    if (family != NULL)
        f = find(family->fields, name, length);
    if (f == NULL)
        f = find(fields, name, length);
    if (f != NULL)
        f->push(L, a);
    return f != NULL;
}

bool fields_is_of_another(lua_State *L)
{
    size_t length;
    const char *name = lua_tolstring(L, 2, &length);
    const struct address_family *family;

    for (int i = 0; (family = address_family_at(i)) != NULL; i++) {
        if (find(family->fields, name, length) != NULL)
            return true;
    }
    return false;
}

static void offer(struct nearest *nearest, const struct address_field *f)
{
    for (; f->name != NULL; f++)
        nearest_offer(nearest, f->name);
}

int fields_raise_unknown(lua_State *L, const struct address *a,
                         const luaL_Reg *methods)
{
    const struct address_family *family = address_family(a);
    struct nearest nearest;
    size_t length;
    const char *name = lua_tolstring(L, 2, &length);

    nearest_start(&nearest, name, length);
    if (family != NULL)
        offer(&nearest, family->fields);
    offer(&nearest, fields);
    for (; methods->name != NULL; methods++)
        nearest_offer(&nearest, methods->name);
    for (int i = 0; (family = address_family_at(i)) != NULL; i++)
        offer(&nearest, family->fields);
    luaL_where(L, 1);
    nearest_push(L, "field of an address", &nearest);
    lua_concat(L, 2);
    return lua_error(L);
}
