/*
 * source_filter: reads and writes the whole source filter of a multicast group
 * at once; see type.h.
 *
 * RFC 3678, sections 4.2 and 5.2. Both structures end with a list of sources.
 * To read one, the caller passes the group and how many sources fit; the kernel
 * returns how many there are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "address/host.h"
#include "base/argument.h"
#include "base/size.h"
#include "base/text.h"
#include "option/interface.h"
#include "option/type.h"
#include "socket/socket.h"

#ifdef __linux__

#define MOST_SOURCES 4096 /* in a list; the kernel's own limit is far lower */
#define FIRST_SOURCES 16  /* how many fit at the first attempt to read */

/* The memory layout of one of the structures: offsets in bytes. */
struct layout {
    int family;  /* of its groups; AF_UNSPEC: of either */
    size_t mode; /* four bytes; the count of sources follows it */
    size_t sources;
    size_t source; /* size of one */
    /* Store the group and the interface, at the structure's beginning. */
    void (*put_group)(lua_State *L, int arg, unsigned char *bytes,
                      const struct host *group, struct link *link);
    void (*put_source)(unsigned char *bytes, const struct host *source);
    void (*push_source)(lua_State *L, const unsigned char *bytes);
};

/* ---- IPv4 alone: struct ip_msfilter ---- */

static void put_ipv4(unsigned char *bytes, const struct host *host)
{
    memcpy(bytes, &host->in, sizeof host->in);
}

static void put_group_ipv4(lua_State *L, int arg, unsigned char *bytes,
                           const struct host *group, struct link *link)
{
    struct in_addr local = interface_ipv4(L, arg, link);

    put_ipv4(bytes, group);
    memcpy(bytes + sizeof local, &local, sizeof local);
}

static void push_ipv4(lua_State *L, const unsigned char *bytes)
{
    host_push(L, AF_INET, bytes);
}

static const struct layout ipv4_layout = {
    .family = AF_INET,
    .mode = offsetof(struct ip_msfilter, imsf_fmode),
    .sources = offsetof(struct ip_msfilter, imsf_slist),
    .source = sizeof(struct in_addr),
    .put_group = put_group_ipv4,
    .put_source = put_ipv4,
    .push_source = push_ipv4,
};

/* ---- either family: struct group_filter ---- */

static void put_name(unsigned char *bytes, const struct host *host)
{
    struct sockaddr_storage name;

    host_store(&name, host);
    memcpy(bytes, &name, sizeof name);
}

static void put_group_name(lua_State *L, int arg, unsigned char *bytes,
                           const struct host *group, struct link *link)
{
    uint32_t index = interface_index(L, arg, "interface", link);

    memcpy(bytes, &index, sizeof index);
    put_name(bytes + offsetof(struct group_filter, gf_group), group);
}

static void push_name(lua_State *L, const unsigned char *bytes)
{
    struct sockaddr_storage name;
    struct host host;

    memcpy(&name, bytes, sizeof name);
    host_of(&host, (const struct sockaddr *)&name);
    host_push(L, host.family, &host.in);
}

static const struct layout group_layout = {
    .family = AF_UNSPEC,
    .mode = offsetof(struct group_filter, gf_fmode),
    .sources = offsetof(struct group_filter, gf_slist),
    .source = sizeof(struct sockaddr_storage),
    .put_group = put_group_name,
    .put_source = put_name,
    .push_source = push_name,
};

/* ---- reading and writing either structure ---- */

/* Store the group and the interface of the table at `arg`. Returns the group's
 * family. */
static int put_group(lua_State *L, int arg, const struct layout *layout,
                     unsigned char *bytes)
{
    struct host group;
    struct link link;

    host_check_field(L, arg, "group", layout->family, &group);
    interface_check_field(L, arg, &link);
    layout->put_group(L, arg, bytes, &group, &link);
    return group.family;
}

static void put_counts(unsigned char *bytes, const struct layout *layout,
                       uint32_t mode, uint32_t count)
{
    memcpy(bytes + layout->mode, &mode, sizeof mode);
    memcpy(bytes + layout->mode + sizeof mode, &count, sizeof count);
}

static uint32_t check_mode(lua_State *L, int arg)
{
    const char *mode = "";
    size_t length = 0;
    bool is_include;

    if (lua_getfield(L, arg, "mode") == LUA_TSTRING)
        mode = lua_tolstring(L, -1, &length);
    is_include = text_is_name(mode, length, "include");
    if (!is_include && !text_is_name(mode, length, "exclude"))
        field_argerror(L, arg, "mode", "'include' or 'exclude' expected");
    lua_pop(L, 1);
    return is_include ? MCAST_INCLUDE : MCAST_EXCLUDE;
}

/* Push the list of sources; return how many it has. */
static uint32_t push_sources(lua_State *L, int arg)
{
    if (lua_getfield(L, arg, "sources") != LUA_TTABLE)
        field_argerror(L, arg, "sources", "list of addresses expected");
    return (uint32_t)field_count(L, arg, -1, "sources", MOST_SOURCES);
}

/* Read {group =, interface =, mode =, sources =} at `arg`. Pushes a userdata
 * that holds the result. */
static struct option_data check_filter(lua_State *L, int arg,
                                       const struct layout *layout)
{
    static const char *const fields[] = {"group", "interface", "mode",
                                         "sources", NULL};
    uint32_t mode;
    uint32_t count;
    size_t length;
    unsigned char *bytes;
    struct host source;
    int family;

    check_fields(L, arg, fields);
    mode = check_mode(L, arg);
    count = push_sources(L, arg);
    length = layout->sources + count * layout->source;
    bytes = lua_newuserdatauv(L, length, 0);
    memset(bytes, 0, length);
    family = put_group(L, arg, layout, bytes);
    put_counts(bytes, layout, mode, count);
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, i + 1);
        host_check(L, arg, "sources", family, &source);
        layout->put_source(bytes + layout->sources + i * layout->source,
                           &source);
        lua_pop(L, 1);
    }
    return (struct option_data){bytes, (socklen_t)length};
}

/* Push a table as check_filter takes it, with the group and the interface of
 * the table at `arg`. */
static void push_filter(lua_State *L, int arg, const struct layout *layout,
                        const unsigned char *bytes, uint32_t count)
{
    uint32_t mode;

    memcpy(&mode, bytes + layout->mode, sizeof mode);
    lua_createtable(L, 0, 4);
    lua_getfield(L, arg, "group");
    lua_setfield(L, -2, "group");
    lua_getfield(L, arg, "interface");
    lua_setfield(L, -2, "interface");
    field_set_string(L, "mode", mode == MCAST_INCLUDE ? "include" : "exclude");
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        layout->push_source(L, bytes + layout->sources + i * layout->source);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "sources");
}

/* Push a userdata with the filter and up to `*count` sources, and set `*count`
 * to how many there are. Returns zero, or errno. */
static int read_filter(lua_State *L, int arg, const struct layout *layout,
                       const struct option *row, int level,
                       const struct socket *s, uint32_t *count)
{
    socklen_t length = (socklen_t)(layout->sources + *count * layout->source);
    unsigned char *bytes = lua_newuserdatauv(L, length, 0);

    memset(bytes, 0, length);
    if (put_group(L, arg, layout, bytes) == AF_INET)
        level = row->level;
    put_counts(bytes, layout, 0, *count);
    if (getsockopt(s->handle.fd, level, row->number, bytes, &length) == -1)
        return errno;
    memcpy(count, bytes + layout->mode + sizeof *count, sizeof *count);
    *count = (uint32_t)size_within(*count, MOST_SOURCES);
    return 0;
}

static int get_filter(lua_State *L, int arg, const struct layout *layout,
                      const struct option *row, int level,
                      const struct socket *s)
{
    static const char *const fields[] = {"group", "interface", NULL};
    uint32_t count = FIRST_SOURCES;
    uint32_t capacity;
    int error;

    check_fields(L, arg, fields);
    do {
        capacity = count;
        lua_settop(L, arg);
        error = read_filter(L, arg, layout, row, level, s, &count);
        if (error != 0)
            return error;
    } while (count > capacity);
    push_filter(L, arg, layout, lua_touserdata(L, -1), count);
    return 0;
}

static struct option_data check_msfilter(lua_State *L, int arg,
                                         const struct option_type *type,
                                         union option_value *value)
{
    (void)type;
    (void)value;
    return check_filter(L, arg, &ipv4_layout);
}

static int get_msfilter(lua_State *L, int arg, const struct option *row,
                        int level, const struct socket *s)
{
    return get_filter(L, arg, &ipv4_layout, row, level, s);
}

const struct option_type option_msfilter = {
    .name = "ip_msfilter",
    .check = check_msfilter,
    .get = get_msfilter,
};

static struct option_data check_group_filter(lua_State *L, int arg,
                                             const struct option_type *type,
                                             union option_value *value)
{
    (void)type;
    (void)value;
    return check_filter(L, arg, &group_layout);
}

static int get_group_filter(lua_State *L, int arg, const struct option *row,
                            int level, const struct socket *s)
{
    return get_filter(L, arg, &group_layout, row, level, s);
}

const struct option_type option_group_filter = {
    .name = "group_filter",
    .check = check_group_filter,
    .get = get_group_filter,
};

#endif
