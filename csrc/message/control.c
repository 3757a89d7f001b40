/*
 * control: converts control messages from and to Lua tables; see control.h.
 *
 * Follows cmsg(3), unix(7), socket(7), ip(7), ipv6(7), udp(7), packet(7),
 * netlink(7), RFC 3542, and the kernel's headers for what the pages omit.
 * control.txt says what each kind holds, for the reference.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "address/level.h"
#include "base/argument.h"
#include "base/field.h"
#include "base/kernel.h"
#include "base/nearest.h"
#include "base/text.h"
#include "message/control.h"

/* clang-format off */
#define ROW(name, level, number, family, type) \
    {name, level, number, family, &control_##type}

/*** Control data: a table with a field for each kind of control message. A
message of an unknown kind is an item `{level=, type=, data=}` of its list part.
The level is a name, such as `"socket"` or `"ip"`, or a number where it has none;
to send, `"SOL_SOCKET"`, `"IPPROTO_IP"` and any number will do, too.
@{control.md} lists the kinds, what they hold, and which option enables
receiving them.
@table control
*/
static const struct control_kind kinds[] = {
    ROW("rights", SOL_SOCKET, SCM_RIGHTS, 0, rights),
#ifdef SCM_TIMESTAMP
    ROW("timestamp", SOL_SOCKET, SCM_TIMESTAMP, 0, timestamp),
#endif
#ifdef __linux__
    ROW("credentials", SOL_SOCKET, SCM_CREDENTIALS, 0, credentials),
    ROW("pidfd", SOL_SOCKET, SCM_PIDFD, 0, pidfd),
    ROW("security", SOL_SOCKET, SCM_SECURITY, 0, label),
    ROW("timestampns", SOL_SOCKET, SO_TIMESTAMPNS, 0, timestampns),
    ROW("timestamping", SOL_SOCKET, SO_TIMESTAMPING, 0, timestamping),
    ROW("timestamping_packet", SOL_SOCKET, SCM_TIMESTAMPING_PKTINFO, 0,
        timestamping_packet),
    ROW("ts_opt_id", SOL_SOCKET, SCM_TS_OPT_ID, 0, uint),
    ROW("txtime", SOL_SOCKET, SO_TXTIME, 0, nanoseconds),
    ROW("rxq_ovfl", SOL_SOCKET, SO_RXQ_OVFL, 0, counter),
    ROW("mark", SOL_SOCKET, SO_MARK, 0, uint),
#ifdef SO_RCVPRIORITY
    ROW("priority", SOL_SOCKET, SO_RCVPRIORITY, 0, counter),
#endif
    ROW("priority", SOL_SOCKET, SO_PRIORITY, 0, uint),
    ROW("wifi_status", SOL_SOCKET, SO_WIFI_STATUS, 0, counter),

    ROW("pktinfo", IPPROTO_IP, IP_PKTINFO, AF_INET, pktinfo),
    ROW("ttl", IPPROTO_IP, IP_TTL, 0, ttl),
    ROW("tos", IPPROTO_IP, IP_TOS, 0, octet),
    ROW("recverr", IPPROTO_IP, IP_RECVERR, 0, recverr),
    ROW("origdstaddr", IPPROTO_IP, IP_ORIGDSTADDR, 0, address),
    ROW("recvopts", IPPROTO_IP, IP_RECVOPTS, 0, header),
    ROW("retopts", IPPROTO_IP, IP_RETOPTS, 0, bytes),
    ROW("security", IPPROTO_IP, SCM_SECURITY, 0, label),
    ROW("checksum", IPPROTO_IP, IP_CHECKSUM, 0, counter),
    ROW("recvfragsize", IPPROTO_IP, IP_RECVFRAGSIZE, 0, counter),

    ROW("pktinfo", IPPROTO_IPV6, IPV6_PKTINFO, AF_INET6, pktinfo6),
    ROW("hoplimit", IPPROTO_IPV6, IPV6_HOPLIMIT, 0, hops),
    ROW("tclass", IPPROTO_IPV6, IPV6_TCLASS, 0, hops),
    ROW("recverr", IPPROTO_IPV6, IPV6_RECVERR, 0, recverr),
    ROW("origdstaddr", IPPROTO_IPV6, IPV6_ORIGDSTADDR, 0, address),
    ROW("flowinfo", IPPROTO_IPV6, IPV6_FLOWINFO, 0, network),
    ROW("dontfrag", IPPROTO_IPV6, IPV6_DONTFRAG, 0, hops),
    ROW("hopopts", IPPROTO_IPV6, IPV6_HOPOPTS, 0, bytes),
    ROW("dstopts", IPPROTO_IPV6, IPV6_DSTOPTS, 0, bytes),
    ROW("rtdstopts", IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, 0, bytes),
    ROW("rthdr", IPPROTO_IPV6, IPV6_RTHDR, 0, bytes),
    ROW("pathmtu", IPPROTO_IPV6, IPV6_PATHMTU, 0, mtuinfo),
    ROW("recvfragsize", IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 0, counter),

    ROW("inq", IPPROTO_TCP, TCP_CM_INQ, 0, number),
    ROW("gso_size", IPPROTO_UDP, UDP_SEGMENT, 0, short),
    ROW("gro_size", IPPROTO_UDP, UDP_GRO, 0, number),
    ROW("auxdata", SOL_PACKET, PACKET_AUXDATA, 0, auxdata),
    ROW("group", SOL_NETLINK, NETLINK_PKTINFO, 0, counter),
    ROW("nsid", SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 0, number),
#endif
    {NULL, 0, 0, 0, NULL},
};
/* clang-format on */

/* ---- messages to send ---- */

static int reject_name(lua_State *L, int arg, const char *name, size_t length)
{
    struct nearest nearest;

    nearest_start(&nearest, name, length);
    for (const struct control_kind *kind = kinds; kind->name; kind++)
        nearest_offer(&nearest, kind->name);
    return nearest_argerror(L, arg, "control message", &nearest);
}

/* Return the kind named by the string at -2. If several kinds share the name,
 * the one for the socket's family is preferred. */
static const struct control_kind *check_kind(lua_State *L,
                                             const struct control_writer *w)
{
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    const struct control_kind *found = NULL;

    for (const struct control_kind *kind = kinds; kind->name; kind++) {
        bool fits = kind->family == 0 || kind->family == w->socket->family;

        if (text_is_name(name, length, kind->name) &&
            (found == NULL || (fits && kind->type->check != NULL)))
            found = kind;
    }
    if (found == NULL)
        reject_name(L, w->arg, name, length);
    else if (found->type->check == NULL)
        field_argerror(L, w->arg, name, "can only be received");
    return found;
}

/* Append the message that the {level, type, data} on top describes. */
static void write_unknown(lua_State *L, struct control_writer *w)
{
    static const char *const fields[] = {"level", "type", "data", NULL};
    int index = lua_gettop(L);
    lua_Integer number;
    int level = 0;
    const char *data;
    size_t length;

    field_check_names(L, w->arg, index, fields);
    lua_getfield(L, index, "level");
    if (!level_read(L, lua_gettop(L), &level))
        field_argerror(L, w->arg, "level", lua_tostring(L, -1));
    lua_pop(L, 1);
    number = field_integer(L, w->arg, index, "type", INT32_MIN, INT32_MAX);
    if (lua_getfield(L, index, "data") != LUA_TSTRING)
        field_argerror(L, w->arg, "data", "string expected");
    data = lua_tolstring(L, -1, &length);
    control_append(L, w, level, (int)number, data, length);
    lua_pop(L, 1);
}

void control_write(lua_State *L, struct control_writer *w,
                   const struct socket *s, const char *call, int arg, int index)
{
    w->socket = s;
    w->call = call;
    w->arg = arg;
    w->bytes = w->small.bytes;
    w->used = 0;
    w->rights_count = 0;
    w->size = sizeof w->small.bytes;
    luaL_argcheck(L, lua_istable(L, index), arg,
                  "field 'control' must be a table");
    luaL_checkstack(L, 16, NULL);
    lua_pushnil(L);
    w->slot = lua_gettop(L);
    lua_pushnil(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            const struct control_kind *kind = check_kind(L, w);

            kind->type->check(L, w, kind);
        } else {
            write_unknown(L, w);
        }
        lua_pop(L, 1);
    }
}

/* ---- messages received ---- */

static const struct control_kind *find_kind(const struct cmsghdr *c)
{
    const struct control_kind *kind = kinds;

    while (kind->name != NULL &&
           (kind->level != c->cmsg_level || kind->number != c->cmsg_type))
        kind++;
    return kind->name != NULL ? kind : NULL;
}

/* Return the length of a message's data, which the buffer's end may have
 * cut. */
static size_t data_length(const struct msghdr *message, const struct cmsghdr *c)
{
    const unsigned char *start = (const unsigned char *)c;
    const unsigned char *end =
        (const unsigned char *)message->msg_control + message->msg_controllen;
    size_t length = c->cmsg_len;

    if (length > (size_t)(end - start))
        length = (size_t)(end - start);
    return length > CMSG_LEN(0) ? length - CMSG_LEN(0) : 0;
}

static void add_unknown(lua_State *L, const struct control_reader *r,
                        const struct cmsghdr *c, size_t length)
{
    lua_createtable(L, 0, 3);
    field_set_name(L, "level", &level_names, c->cmsg_level);
    field_set_integer(L, "type", c->cmsg_type);
    lua_pushlstring(L, (const char *)CMSG_DATA(c), length);
    lua_setfield(L, -2, "data");
    lua_rawseti(L, r->table, (lua_Integer)lua_rawlen(L, r->table) + 1);
}

static bool is_taken(lua_State *L, const struct control_reader *r,
                     const char *name)
{
    bool taken = lua_getfield(L, r->table, name) != LUA_TNIL;

    lua_pop(L, 1);
    return taken;
}

/* Set a field for a message. If the field is taken and the kind cannot be
 * joined, the message goes to the list part. */
static void add_message(lua_State *L, const struct control_reader *r,
                        const struct control_kind *kind, struct cmsghdr *c)
{
    size_t length = data_length(r->message, c);
    const char *name;

    if (kind == NULL || kind->type->push == NULL || length < kind->type->size) {
        add_unknown(L, r, c, length);
        return;
    }
    name = kind->type->push(L, r, kind, CMSG_DATA(c), length);
    if (kind->type->joins || !is_taken(L, r, name)) {
        lua_setfield(L, r->table, name);
    } else {
        lua_pop(L, 1);
        add_unknown(L, r, c, length);
    }
}

struct cmsghdr *control_next(const struct msghdr *m, struct cmsghdr *c)
{
    char *end = (char *)m->msg_control + m->msg_controllen;
    size_t left = (size_t)(end - (char *)c);
    size_t taken;

    if (c->cmsg_len < CMSG_LEN(0) || c->cmsg_len > left)
        return NULL;
    taken = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
    if (taken > left || left - taken < sizeof *c)
        return NULL;
    return (void *)((char *)c + taken);
}

void control_read(lua_State *L, const struct control_reader *r)
{
    struct msghdr *m = r->message;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = control_next(m, c))
        add_message(L, r, find_kind(c), c);
}

/* ---- descriptors ---- */

static bool is_of_descriptors(const struct cmsghdr *c)
{
    const struct control_kind *kind = find_kind(c);

    return kind != NULL && kind->type->descriptors;
}

size_t control_count_descriptors(struct msghdr *m)
{
    size_t count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = control_next(m, c)) {
        if (is_of_descriptors(c))
            count += data_length(m, c) / sizeof(int);
    }
    return count;
}

/* Close the descriptors in the data, and replace each by -1. */
static void close_listed(unsigned char *data, size_t length)
{
    static const int none = -1;

    for (; length >= sizeof(int); length -= sizeof(int), data += sizeof(int)) {
        int fd;

        memcpy(&fd, data, sizeof fd);
        if (fd >= 0)
            close(fd);
        memcpy(data, &none, sizeof none);
    }
}

void control_close_descriptors(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = control_next(m, c)) {
        if (is_of_descriptors(c))
            close_listed(CMSG_DATA(c), data_length(m, c));
    }
}
