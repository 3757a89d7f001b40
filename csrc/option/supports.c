/*
 * supports: whether the kernel has a family, a protocol or an option.
 *
 * The kernel is asked by socket(2), getsockopt(2) and setsockopt(2), on sockets
 * that are closed at once. Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address/address.h"
#include "address/protocol.h"
#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/kernel.h"
#include "base/nearest.h"
#include "base/text.h"
#include "open.h"
#include "option/type.h"

#define PROBE_BYTES 256 /* of zeros, written to an option that is not read */

/* Return a descriptor, or an errno below zero. Raises what says nothing of the
 * kernel's abilities: descriptors or memory have run out. */
static int probe(lua_State *L, int family, int type, int protocol)
{
    bool collected = false;
    int error;
    int fd;

    do {
        fd = socket(family, type | SOCK_CLOEXEC,
                    protocol_for_system(family, protocol));
        error = fd == -1 ? errno : 0;
    } while (descriptor_collect(L, error, &collected));
    if (error == EMFILE || error == ENFILE || error == ENOBUFS ||
        error == ENOMEM)
        error_raise(L, "socket", error, 0);
    return fd != -1 ? fd : -error;
}

/* Probe, and return zero or the errno. */
static int probe_once(lua_State *L, int family, int type, int protocol)
{
    int fd = probe(L, family, type, protocol);

    if (fd < 0)
        return -fd;
    close(fd);
    return 0;
}

static bool has_family(lua_State *L, int family)
{
    return probe_once(L, family, SOCK_STREAM, 0) != EAFNOSUPPORT;
}

/* ---- protocols ---- */

/* Return whether a socket of this kind was made, or would be with the
 * privilege. */
static bool has_kind(lua_State *L, int family, int type, int protocol)
{
    int error = probe_once(L, family, type, protocol);

    return error == 0 || error == EPERM || error == EACCES;
}

/* Raw sockets of IP are left out: they take any number. */
static bool has_ip_protocol(lua_State *L, int protocol)
{
    static const int families[] = {AF_INET, AF_INET6};
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET,
                                /* SOCK_DCCP */ 6};

    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        for (size_t j = 0; j < sizeof types / sizeof *types; j++) {
            if (has_kind(L, families[i], types[j], protocol))
                return true;
        }
    }
    return protocol == IPPROTO_RAW &&
           has_kind(L, AF_INET, SOCK_RAW, IPPROTO_RAW);
}

static bool has_protocol(lua_State *L, int family, int protocol)
{
    static const int types[] = {SOCK_RAW, SOCK_DGRAM, SOCK_STREAM,
                                SOCK_SEQPACKET, SOCK_RDM};

    if (family == AF_INET || family == AF_INET6)
        return has_ip_protocol(L, protocol);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (has_kind(L, family, types[i], protocol))
            return true;
    }
    return false;
}

/* ---- options ---- */

/* The sockets that may have options of a level. */
static const struct kind {
    int level;
    int family;
    int type;
    int protocol;
} kinds[] = {
    {SOL_SOCKET, AF_INET, SOCK_DGRAM, 0},
    {SOL_SOCKET, AF_INET, SOCK_STREAM, 0},
    {SOL_SOCKET, AF_UNIX, SOCK_STREAM, 0},
    {IPPROTO_IP, AF_INET, SOCK_DGRAM, 0},
    {IPPROTO_IP, AF_INET, SOCK_STREAM, 0},
    {IPPROTO_IP, AF_INET, SOCK_RAW, IPPROTO_ICMP},
    {IPPROTO_IPV6, AF_INET6, SOCK_DGRAM, 0},
    {IPPROTO_IPV6, AF_INET6, SOCK_STREAM, 0},
    {IPPROTO_IPV6, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
    {IPPROTO_TCP, AF_INET, SOCK_STREAM, 0},
    {IPPROTO_TCP, AF_INET6, SOCK_STREAM, 0},
    {IPPROTO_UDP, AF_INET, SOCK_DGRAM, 0},
    {IPPROTO_UDP, AF_INET6, SOCK_DGRAM, 0},
    {IPPROTO_ICMPV6, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
#ifdef __linux__
    {IPPROTO_UDPLITE, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
    {SOL_RAW, AF_INET, SOCK_RAW, IPPROTO_ICMP},
    {SOL_MPTCP, AF_INET, SOCK_STREAM, 262},
    {AF_VSOCK, AF_VSOCK, SOCK_STREAM, 0},
    {SOL_NETLINK, AF_NETLINK, SOCK_RAW, 0},
    {SOL_PACKET, AF_PACKET, SOCK_DGRAM, 0},
#endif
};

/* Ask for the option, or set it to zeros, which nobody notices. */
static bool socket_has(int fd, const struct option *row)
{
    unsigned char bytes[OPTION_BYTES] = {0};
    socklen_t length = sizeof bytes;
    int result;

    if (row->access & OPTION_READ)
        result = getsockopt(fd, row->level, row->number, bytes, &length);
    else
        result = setsockopt(fd, row->level, row->number, bytes, PROBE_BYTES);
    return result == 0 || (errno != ENOPROTOOPT && errno != EOPNOTSUPP);
}

/* Where no socket could be made for want of a privilege, that is the error. */
static bool has_option(lua_State *L, const struct option *row)
{
    bool was_asked = false;
    bool found = false;
    int refusal = 0;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !found; i++) {
        const struct kind *k = &kinds[i];
        int fd;

        if (k->level != row->level)
            continue;
        fd = probe(L, k->family, k->type, k->protocol);
        if (fd == -EPERM || fd == -EACCES)
            refusal = -fd;
        if (fd < 0)
            continue;
        was_asked = true;
        found = socket_has(fd, row);
        close(fd);
    }
    if (!was_asked && refusal != 0)
        error_raise(L, "socket", refusal, 1);
    return found;
}

/* ---- the name ---- */

static const struct option *find_option(const char *name)
{
    const struct option *row = option_rows;

    while (row->name != NULL && strcmp(row->name, name) != 0)
        row++;
    return row->name != NULL ? row : NULL;
}

/* What is called so as a family, and is a protocol that no kernel has by
 * itself: IP within IP. */
static bool means_family(int family, lua_Integer protocol)
{
    return family == AF_INET && (protocol == 4 || protocol == IPPROTO_IPV6);
}

/* Find a protocol of any family but Ethernet's, which a packet socket receives
 * whatever the kernel knows. IP's come first. */
static bool find_protocol(const char *name, int *family, lua_Integer *protocol)
{
    const struct names *names;

    *family = AF_INET;
    if (names_find(&protocol_names, name, protocol))
        return !means_family(*family, *protocol);
    for (int i = 0; (names = protocol_names_at(i, family)) != NULL; i++) {
        if (*family != AF_PACKET && names_find(names, name, protocol))
            return true;
    }
    return false;
}

static void offer(struct nearest *nearest, const struct names *names)
{
    for (const struct name *row = names->rows; row->text != NULL; row++)
        nearest_offer(nearest, row->text);
}

static int reject(lua_State *L, const char *name)
{
    const struct names *names;
    struct nearest nearest;
    int family;

    nearest_start(&nearest, name, strlen(name));
    for (const struct option *row = option_rows; row->name != NULL; row++)
        nearest_offer(&nearest, row->name);
    offer(&nearest, &address_family_names);
    for (int i = 0; (names = protocol_names_at(i, &family)) != NULL; i++) {
        if (family != AF_PACKET)
            offer(&nearest, names);
    }
    return nearest_argerror(L, 1, "family, protocol or option", &nearest);
}

/*** Return whether the kernel has a family, a protocol or an option (socket(2),
getsockopt(2)).
It is asked by sockets that are closed at once; it may load a module to answer.
A protocol of IP counts if there are sockets of it, other than raw ones, which
take any protocol. What this process lacks the privilege for counts, too.
@function supports
@string name a family, `"can"`, `"AF_CAN"`, as `socket` takes it; or a protocol,
`"sctp"`, `"isotp"`, `"NETLINK_SOCK_DIAG"`; or an option, `"TCP_FASTOPEN"`, as
`options` lists it. Of equal names the family comes first, then IP's protocol
@treturn boolean
@raise argument error for a name that is none of these; EPERM or EACCES for an
option of sockets that this process may not make; EMFILE, ENFILE, ENOBUFS, ENOMEM
@usage
local protocol = sockeye.supports "mptcp" and "mptcp" or "tcp"
local s <close> = sockeye.socket("inet", "stream", protocol)
*/
static int sockeye_supports(lua_State *L)
{
    const char *name = text_check(L, 1, "name");
    const struct option *row = find_option(name);
    lua_Integer number;
    int family;

    lua_settop(L, 1);
    if (row != NULL)
        lua_pushboolean(L, has_option(L, row));
    else if (names_find(&address_family_names, name, &number))
        lua_pushboolean(L, has_family(L, (int)number));
    else if (find_protocol(name, &family, &number))
        lua_pushboolean(L, has_protocol(L, family, (int)number));
    else
        return reject(L, name);
    return 1;
}

void open_supports(lua_State *L)
{
    lua_pushcfunction(L, sockeye_supports);
    lua_setfield(L, -2, "supports");
}
