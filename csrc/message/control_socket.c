/*
 * control_socket: the kinds of control messages of SOL_SOCKET and SOL_PACKET;
 * see control_kind.h.
 *
 * unix(7), socket(7), packet(7).
 */
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/field.h"
#include "message/control_kind.h"

/* ---- rights: open descriptors ---- */

#define RIGHTS_MOST 1024 /* the kernel takes fewer (unix(7): SCM_RIGHTS) */

/* The descriptors are kept in a list of their own. */
static void check_rights(lua_State *L, struct control_writer *w,
                         const struct control_kind *kind)
{
    size_t count;

    if (!lua_istable(L, -1))
        field_argerror(L, w->arg, kind->name, "list of descriptors expected");
    count = field_count(L, w->arg, -1, kind->name, RIGHTS_MOST);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= (lua_Integer)count; i++) {
        lua_rawgeti(L, -2, i);
        control_descriptor(L, w->call, w->arg);
        lua_rawseti(L, -2, i);
    }
    lua_replace(L, w->slot + 1);
    w->rights = w->used + CMSG_LEN(0);
    w->rights_count = count;
    control_append(L, w, kind->level, kind->number, NULL, count * sizeof(int));
}

/* Push a new socket that takes over the descriptor in the message. */
static void adopt_descriptor(lua_State *L, unsigned char *data)
{
    static const int none = -1;
    struct socket *s = socket_new(L);

    memcpy(&s->handle.fd, data, sizeof s->handle.fd);
    memcpy(data, &none, sizeof none);
    socket_learn(s);
    socket_note_open(L, s);
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
        adopt_descriptor(L, data);
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

/* A negative number is an error, for instance that the process has ended; it
 * becomes nil. */
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

/* times[1] is deprecated: current kernels leave it zero. */
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

/* The data is a struct scm_ts_pktinfo: interface index, length, reserved. */
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
