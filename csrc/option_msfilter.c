/*
 * option_msfilter: all that a socket wants of a multicast group's sources, at
 * once; see option_type.h.
 *
 * RFC 3678, sections 4.2 and 5.2. Both structures end with a list of sources;
 * to read one, the kernel is given the group and told how many have room, and
 * it tells how many there are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <lauxlib.h>

#include "host.h"
#include "option_link.h"
#include "option_type.h"

#ifdef __linux__

#define MOST_SOURCES 4096 /* in a list; the kernel's own limit is far lower */
#define ROOM 16           /* sources, at the first attempt to read */

/* How one of the structures lies in memory. */
struct layout {
    size_t mode; /* and then, of four bytes as well, the count of sources */
    size_t sources;
    size_t source;
};

static const struct layout ipv4_layout = {
    .mode = offsetof(struct ip_msfilter, imsf_fmode),
    .sources = offsetof(struct ip_msfilter, imsf_slist),
    .source = sizeof(struct in_addr),
};

static const struct layout group_layout = {
    .mode = offsetof(struct group_filter, gf_fmode),
    .sources = offsetof(struct group_filter, gf_slist),
    .source = sizeof(struct sockaddr_storage),
};

/* The group and the interface of the table at `arg`, at the structure's
 * beginning. The result is the group's family. */
static int put_group(lua_State *L, int arg, const struct layout *layout,
                     unsigned char *bytes)
{
    bool is_ipv4 = layout == &ipv4_layout;
    struct sockaddr_storage name;
    struct host group;
    struct link link;
    struct in_addr local;
    uint32_t index;

    host_check_field(L, arg, "group", is_ipv4 ? AF_INET : AF_UNSPEC, &group);
    check_link_field(L, arg, &link);
    if (is_ipv4) {
        local = need_local(L, arg, &link);
        memcpy(bytes, &group.in, sizeof group.in);
        memcpy(bytes + sizeof group.in, &local, sizeof local);
    } else {
        index = need_index(L, arg, "interface", &link);
        memcpy(bytes, &index, sizeof index);
        host_store(&name, &group);
        memcpy(bytes + offsetof(struct group_filter, gf_group), &name,
               sizeof name);
    }
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
    const char *mode;

    lua_getfield(L, arg, "mode");
    mode = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    lua_pop(L, 1);
    if (strcmp(mode, "include") == 0)
        return MCAST_INCLUDE;
    if (strcmp(mode, "exclude") != 0)
        field_argerror(L, arg, "mode", "'include' or 'exclude' expected");
    return MCAST_EXCLUDE;
}

/* Push the list of sources; how many there are. */
static uint32_t push_sources(lua_State *L, int arg)
{
    lua_Unsigned count;

    if (lua_getfield(L, arg, "sources") != LUA_TTABLE)
        field_argerror(L, arg, "sources", "list of addresses expected");
    count = lua_rawlen(L, -1);
    if (count > MOST_SOURCES)
        field_argerror(L, arg, "sources", "too many (at most 4096)");
    return (uint32_t)count;
}

/* The source on top of the stack. */
static void put_source(lua_State *L, int arg, const struct layout *layout,
                       int family, unsigned char *bytes)
{
    struct sockaddr_storage name;
    struct host source;

    host_check(L, arg, "sources", family, &source);
    if (layout == &ipv4_layout) {
        memcpy(bytes, &source.in, sizeof source.in);
    } else {
        host_store(&name, &source);
        memcpy(bytes, &name, sizeof name);
    }
}

/* {group =, interface =, mode =, sources =}; what is made of it is pushed. */
static struct option_data check_filter(lua_State *L, int arg,
                                       const struct layout *layout)
{
    static const char *const fields[] = {"group", "interface", "mode",
                                         "sources", NULL};
    uint32_t mode;
    uint32_t count;
    size_t length;
    unsigned char *bytes;
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
        put_source(L, arg, layout, family,
                   bytes + layout->sources + i * layout->source);
        lua_pop(L, 1);
    }
    return (struct option_data){bytes, (socklen_t)length};
}

static void push_source(lua_State *L, const struct layout *layout,
                        const unsigned char *bytes)
{
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } name;

    if (layout == &ipv4_layout) {
        host_push(L, AF_INET, bytes);
        return;
    }
    memcpy(&name, bytes, sizeof name);
    if (name.in.sin_family == AF_INET)
        host_push(L, AF_INET, &name.in.sin_addr);
    else
        host_push(L, AF_INET6, &name.in6.sin6_addr);
}

/* Push a table as check_filter takes it, the group and the interface being
 * those of the table at `arg`. */
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
        push_source(L, layout, bytes + layout->sources + i * layout->source);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "sources");
}

/* Ask with room for so many sources: zero, or errno. What came is pushed, and
 * `*count` is how many there are. */
static int ask_filter(lua_State *L, int arg, const struct layout *layout,
                      const struct option *row, int level, int fd,
                      uint32_t *count)
{
    socklen_t length = (socklen_t)(layout->sources + *count * layout->source);
    unsigned char *bytes = lua_newuserdatauv(L, length, 0);

    memset(bytes, 0, length);
    if (put_group(L, arg, layout, bytes) == AF_INET)
        level = row->level;
    put_counts(bytes, layout, 0, *count);
    if (getsockopt(fd, level, row->number, bytes, &length) == -1)
        return errno;
    memcpy(count, bytes + layout->mode + sizeof *count, sizeof *count);
    return 0;
}

static int get_filter(lua_State *L, int arg, const struct layout *layout,
                      const struct option *row, int level, int fd)
{
    static const char *const fields[] = {"group", "interface", NULL};
    uint32_t count = ROOM;
    uint32_t room;
    int error;

    check_fields(L, arg, fields);
    do {
        room = count;
        lua_settop(L, arg);
        error = ask_filter(L, arg, layout, row, level, fd, &count);
        if (error != 0)
            return error;
    } while (count > room);
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
                        int level, int fd)
{
    return get_filter(L, arg, &ipv4_layout, row, level, fd);
}

const struct option_type msfilter_option = {
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
                            int level, int fd)
{
    return get_filter(L, arg, &group_layout, row, level, fd);
}

const struct option_type group_filter_option = {
    .name = "group_filter",
    .check = check_group_filter,
    .get = get_group_filter,
};

#endif
