/*
 * ancillary_socket: the kinds of control messages that are numbers or bytes,
 * and those of SOL_SOCKET and SOL_PACKET; see ancillary.h.
 *
 * unix(7), socket(7), packet(7).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/error.h"
#include "base/field.h"
#include "base/text.h"
#include "message/control.h"

/* ---- numbers ---- */

static lua_Integer check_integer(lua_State *L, const struct control_writer *w,
                                 const struct control_kind *kind)
{
    return field_value(L, w->arg, kind->name, kind->type->low,
                       kind->type->high);
}

static void check_number(lua_State *L, struct control_writer *w,
                         const struct control_kind *kind)
{
    int64_t number = check_integer(L, w, kind);
    uint32_t word = (uint32_t)number;
    uint16_t half = (uint16_t)number;
    uint8_t octet = (uint8_t)number;
    const void *const forms[] = {
        [sizeof number] = &number,
        [sizeof word] = &word,
        [sizeof half] = &half,
        [sizeof octet] = &octet,
    };

    control_append(L, w, kind->level, kind->number, forms[kind->type->size],
                   kind->type->size);
}

static const char *push_number(lua_State *L, const struct control_reader *r,
                               const struct control_kind *kind,
                               unsigned char *data, size_t length)
{
    uint32_t number;

    (void)r;
    (void)length;
    memcpy(&number, data, sizeof number);
    lua_pushinteger(L, kind->type->low < 0 ? (int32_t)number
                                           : (lua_Integer)number);
    return kind->name;
}

static const char *push_octet(lua_State *L, const struct control_reader *r,
                              const struct control_kind *kind,
                              unsigned char *data, size_t length)
{
    (void)r;
    (void)length;
    lua_pushinteger(L, data[0]);
    return kind->name;
}

static void check_network(lua_State *L, struct control_writer *w,
                          const struct control_kind *kind)
{
    uint32_t number = htonl((uint32_t)check_integer(L, w, kind));

    control_append(L, w, kind->level, kind->number, &number, sizeof number);
}

static const char *push_network(lua_State *L, const struct control_reader *r,
                                const struct control_kind *kind,
                                unsigned char *data, size_t length)
{
    uint32_t number;

    (void)r;
    (void)length;
    memcpy(&number, data, sizeof number);
    lua_pushinteger(L, ntohl(number));
    return kind->name;
}

const struct control_type control_ttl = {
    .size = sizeof(int),
    .check = check_number,
    .push = push_number,
    .low = 0,
    .high = UINT8_MAX,
};
const struct control_type control_hops = {
    .size = sizeof(int),
    .check = check_number,
    .push = push_number,
    .low = -1,
    .high = UINT8_MAX,
};
const struct control_type control_number = {
    .size = sizeof(int),
    .push = push_number,
    .low = INT32_MIN,
};
const struct control_type control_uint = {
    .size = sizeof(uint32_t),
    .check = check_number,
    .push = push_number,
    .low = 0,
    .high = UINT32_MAX,
};
const struct control_type control_counter = {
    .size = sizeof(uint32_t),
    .push = push_number,
};
const struct control_type control_network = {
    .size = sizeof(uint32_t),
    .check = check_network,
    .push = push_network,
    .low = 0,
    .high = 0x0fffffff,
};
const struct control_type control_octet = {
    .size = 1,
    .check = check_number,
    .push = push_octet,
    .low = 0,
    .high = UINT8_MAX,
};
const struct control_type control_short = {
    .size = sizeof(uint16_t),
    .check = check_number,
    .low = 0,
    .high = UINT16_MAX,
};
const struct control_type control_nanoseconds = {
    .size = sizeof(uint64_t),
    .check = check_number,
    .low = 0,
    .high = INT64_MAX,
};

/* ---- bytes ---- */

static void check_bytes(lua_State *L, struct control_writer *w,
                        const struct control_kind *kind)
{
    size_t length;
    const char *bytes;

    if (lua_type(L, -1) != LUA_TSTRING)
        field_argerror(L, w->arg, kind->name, "string expected");
    bytes = lua_tolstring(L, -1, &length);
    control_append(L, w, kind->level, kind->number, bytes, length);
}

static const char *push_bytes(lua_State *L, const struct control_reader *r,
                              const struct control_kind *kind,
                              unsigned char *data, size_t length)
{
    (void)r;
    lua_pushlstring(L, (const char *)data, length);
    return kind->name;
}

static const char *push_label(lua_State *L, const struct control_reader *r,
                              const struct control_kind *kind,
                              unsigned char *data, size_t length)
{
    (void)r;
    lua_pushlstring(L, (const char *)data, strnlen((const char *)data, length));
    return kind->name;
}

const struct control_type control_bytes = {
    .check = check_bytes,
    .push = push_bytes,
};
const struct control_type control_header = {
    .push = push_bytes,
};
const struct control_type control_label = {
    .push = push_label,
};

/* ---- rights: open descriptors ---- */

static void check_rights(lua_State *L, struct control_writer *w,
                         const struct control_kind *kind)
{
    lua_Integer count;
    int *descriptors;

    if (!lua_istable(L, -1))
        field_argerror(L, w->arg, kind->name, "list of descriptors expected");
    count = (lua_Integer)lua_rawlen(L, -1);
    descriptors = lua_newuserdatauv(L, (size_t)count * sizeof(int) + 1, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        int fd;

        lua_rawgeti(L, -2, i);
        fd = socket_descriptor_at(L, lua_gettop(L));
        if (fd == NO_DESCRIPTOR)
            field_argerror(L, w->arg, kind->name,
                           "sockets, files, descriptors alone");
        if (fd == CLOSED_DESCRIPTOR)
            error_raise(L, w->call, EBADF, 0);
        descriptors[i - 1] = fd;
        lua_pop(L, 1);
    }
    control_append(L, w, kind->level, kind->number, descriptors,
                   (size_t)count * sizeof(int));
    lua_pop(L, 1);
}

/* Push the socket that owns the descriptor in the message from then on. */
static void adopt_from(lua_State *L, unsigned char *data)
{
    static const int none = -1;
    struct socket *s = socket_new(L);

    memcpy(&s->handle.fd, data, sizeof s->handle.fd);
    memcpy(data, &none, sizeof none);
    socket_learn(s);
}

static void push_descriptor(lua_State *L, const struct control_reader *r,
                            unsigned char *data)
{
    int fd;

    memcpy(&fd, data, sizeof fd);
    if (fd < 0)
        lua_pushnil(L);
    else if (r->numbers)
        lua_pushinteger(L, fd);
    else
        adopt_from(L, data);
}

static const char *push_rights(lua_State *L, const struct control_reader *r,
                               const struct control_kind *kind,
                               unsigned char *data, size_t length)
{
    lua_Integer count;

    if (lua_getfield(L, r->table, kind->name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, (int)(length / sizeof(int)), 0);
    }
    count = (lua_Integer)lua_rawlen(L, -1);
    for (; length >= sizeof(int); length -= sizeof(int), data += sizeof(int)) {
        push_descriptor(L, r, data);
        lua_rawseti(L, -2, ++count);
    }
    return kind->name;
}

const struct control_type control_rights = {
    .check = check_rights,
    .push = push_rights,
    .joins = true,
    .descriptors = true,
};

/* ---- times ---- */

void control_push_time(lua_State *L, const struct timespec *time)
{
    lua_createtable(L, 0, 2);
    field_set_integer(L, "seconds", time->tv_sec);
    field_set_integer(L, "nanoseconds", time->tv_nsec);
}

static const char *push_timestamp(lua_State *L, const struct control_reader *r,
                                  const struct control_kind *kind,
                                  unsigned char *data, size_t length)
{
    struct timeval time;

    (void)r;
    (void)length;
    memcpy(&time, data, sizeof time);
    lua_createtable(L, 0, 2);
    field_set_integer(L, "seconds", time.tv_sec);
    field_set_integer(L, "microseconds", time.tv_usec);
    return kind->name;
}

static const char *push_timestampns(lua_State *L,
                                    const struct control_reader *r,
                                    const struct control_kind *kind,
                                    unsigned char *data, size_t length)
{
    struct timespec time;

    (void)r;
    (void)length;
    memcpy(&time, data, sizeof time);
    control_push_time(L, &time);
    return kind->name;
}

const struct control_type control_timestamp = {
    .size = sizeof(struct timeval),
    .push = push_timestamp,
};
const struct control_type control_timestampns = {
    .size = sizeof(struct timespec),
    .push = push_timestampns,
};

#ifdef __linux__

#include <linux/if_packet.h>

/* ---- credentials, pidfd ---- */

static void check_credentials(lua_State *L, struct control_writer *w,
                              const struct control_kind *kind)
{
    static const char *const fields[] = {"pid", "uid", "gid", NULL};
    struct ucred credentials;

    field_check_names(L, w->arg, lua_gettop(L), fields);
    credentials.pid = (pid_t)field_opt_integer(L, w->arg, lua_gettop(L), "pid",
                                               0, INT32_MAX, getpid());
    credentials.uid = (uid_t)field_opt_integer(L, w->arg, lua_gettop(L), "uid",
                                               0, UINT32_MAX, geteuid());
    credentials.gid = (gid_t)field_opt_integer(L, w->arg, lua_gettop(L), "gid",
                                               0, UINT32_MAX, getegid());
    control_append(L, w, kind->level, kind->number, &credentials,
                   sizeof credentials);
}

static const char *push_credentials(lua_State *L,
                                    const struct control_reader *r,
                                    const struct control_kind *kind,
                                    unsigned char *data, size_t length)
{
    struct ucred credentials;

    (void)r;
    (void)length;
    memcpy(&credentials, data, sizeof credentials);
    lua_createtable(L, 0, 3);
    field_set_integer(L, "pid", credentials.pid);
    field_set_integer(L, "uid", credentials.uid);
    field_set_integer(L, "gid", credentials.gid);
    return kind->name;
}

/* A negative one is an error number: the process has gone, for one. */
static const char *push_pidfd(lua_State *L, const struct control_reader *r,
                              const struct control_kind *kind,
                              unsigned char *data, size_t length)
{
    (void)length;
    push_descriptor(L, r, data);
    return kind->name;
}

const struct control_type control_credentials = {
    .size = sizeof(struct ucred),
    .check = check_credentials,
    .push = push_credentials,
};
const struct control_type control_pidfd = {
    .size = sizeof(int),
    .push = push_pidfd,
    .descriptors = true,
};

/* ---- timestamping ---- */

static void set_time(lua_State *L, const char *name,
                     const struct timespec *time)
{
    if (time->tv_sec == 0 && time->tv_nsec == 0)
        return;
    control_push_time(L, time);
    lua_setfield(L, -2, name);
}

/* The time between the two is of old kernels. */
static const char *push_timestamping(lua_State *L,
                                     const struct control_reader *r,
                                     const struct control_kind *kind,
                                     unsigned char *data, size_t length)
{
    struct timespec times[3];

    (void)length;
    memcpy(times, data, sizeof times);
    if (lua_getfield(L, r->table, kind->name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 4);
    }
    set_time(L, "software", &times[0]);
    set_time(L, "hardware", &times[2]);
    return kind->name;
}

const struct control_type control_timestamping = {
    .size = 3 * sizeof(struct timespec),
    .push = push_timestamping,
    .joins = true,
};

/* ---- interfaces ---- */

/* The socket knows those of its own namespace, and needs no other one. */
void control_set_interface(lua_State *L, const struct control_reader *r,
                           unsigned index)
{
    struct ifreq request = {.ifr_ifindex = (int)index};

    field_set_integer(L, "ifindex", index);
    if (index == 0 || ioctl(r->socket->handle.fd, SIOCGIFNAME, &request) == -1)
        return;
    field_set_string(L, "interface", request.ifr_name);
}

/* The index of the interface whose name is on top of the stack. */
static unsigned named_interface(lua_State *L, const struct control_writer *w)
{
    struct ifreq request;
    const char *name;
    size_t length;

    if (lua_type(L, -1) != LUA_TSTRING)
        field_argerror(L, w->arg, "interface", "string expected");
    name = lua_tolstring(L, -1, &length);
    memset(&request, 0, sizeof request);
    if (length < sizeof request.ifr_name && text_is_whole(name, length))
        memcpy(request.ifr_name, name, length);
    if (ioctl(w->socket->handle.fd, SIOCGIFINDEX, &request) == -1 &&
        errno == ENODEV)
        field_argerror(L, w->arg, "interface", "no such interface");
    return (unsigned)request.ifr_ifindex;
}

unsigned control_interface(lua_State *L, const struct control_writer *w)
{
    unsigned index = (unsigned)field_opt_integer(L, w->arg, lua_gettop(L),
                                                 "ifindex", 0, INT32_MAX, 0);

    if (index != 0)
        return index;
    if (lua_getfield(L, -1, "interface") != LUA_TNIL)
        index = named_interface(L, w);
    lua_pop(L, 1);
    return index;
}

/* struct scm_ts_pktinfo: the index, the length, and reserved ones. */
static const char *push_timestamping_packet(lua_State *L,
                                            const struct control_reader *r,
                                            const struct control_kind *kind,
                                            unsigned char *data, size_t length)
{
    uint32_t numbers[2];

    (void)length;
    memcpy(numbers, data, sizeof numbers);
    lua_createtable(L, 0, 3);
    control_set_interface(L, r, numbers[0]);
    field_set_integer(L, "length", numbers[1]);
    return kind->name;
}

const struct control_type control_timestamping_packet = {
    .size = 4 * sizeof(uint32_t),
    .push = push_timestamping_packet,
};

/* ---- auxdata of packets ---- */

static const char *push_auxdata(lua_State *L, const struct control_reader *r,
                                const struct control_kind *kind,
                                unsigned char *data, size_t length)
{
    struct tpacket_auxdata aux;

    (void)r;
    (void)length;
    memcpy(&aux, data, sizeof aux);
    lua_createtable(L, 0, 7);
    field_set_integer(L, "status", aux.tp_status);
    field_set_integer(L, "len", aux.tp_len);
    field_set_integer(L, "snaplen", aux.tp_snaplen);
    field_set_integer(L, "mac", aux.tp_mac);
    field_set_integer(L, "net", aux.tp_net);
    if (aux.tp_status & TP_STATUS_VLAN_VALID)
        field_set_integer(L, "vlan_tci", aux.tp_vlan_tci);
    if (aux.tp_status & TP_STATUS_VLAN_TPID_VALID)
        field_set_integer(L, "vlan_tpid", aux.tp_vlan_tpid);
    return kind->name;
}

const struct control_type control_auxdata = {
    .size = sizeof(struct tpacket_auxdata),
    .push = push_auxdata,
};

#endif
