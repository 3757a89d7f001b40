/*
 * control_kind: the types of control messages with plain values (numbers,
 * bytes), and helpers for the others; see control_kind.h.
 *
 * cmsg(3), netdevice(7).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "base/field.h"
#include "base/quote.h"
#include "base/text.h"
#include "message/control_kind.h"
#include "socket/argument.h"

/* ---- messages to send ---- */

/* More than any system takes, and little enough to be counted in any size. */
#define CONTROL_MOST ((size_t)1 << 28)

/* Append `length` zero bytes and return where they are. */
static unsigned char *append_zeros(lua_State *L, struct control_writer *w,
                                   size_t length)
{
    unsigned char *bytes = w->bytes;

    if (length > w->size - w->used) {
        size_t size = 2 * w->size + length;

        bytes = lua_newuserdatauv(L, size, 0);
        memcpy(bytes, w->bytes, w->used);
        lua_replace(L, w->slot);
        w->bytes = bytes;
        w->size = size;
    }
    bytes += w->used;
    memset(bytes, 0, length);
    w->used += length;
    return bytes;
}

void control_append(lua_State *L, struct control_writer *w, int level,
                    int number, const void *data, size_t length)
{
    struct cmsghdr header = {
        .cmsg_len = (socklen_t)CMSG_LEN(length),
        .cmsg_level = level,
        .cmsg_type = number,
    };
    unsigned char *bytes;

    if (length > CONTROL_MOST || w->used > CONTROL_MOST)
        luaL_argerror(L, w->arg, "too much control data");
    bytes = append_zeros(L, w, CMSG_SPACE(length));
    memcpy(bytes, &header, sizeof header);
    if (data != NULL)
        memcpy(bytes + CMSG_LEN(0), data, length);
}

int control_descriptor(lua_State *L, const char *call, int arg)
{
    int fd = socket_descriptor_at(L, -1);

    if (fd == NO_DESCRIPTOR)
        field_argerror(L, arg, "rights", "sockets, files, descriptors alone");
    if (fd == CLOSED_DESCRIPTOR)
        socket_raise_closed(L, -1, call);
    return fd;
}

void control_fill_rights(lua_State *L, int index, const char *call,
                         unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int fd;

        lua_rawgeti(L, index, (lua_Integer)i + 1);
        fd = control_descriptor(L, call, 0);
        socket_note_shared(L, -1);
        memcpy(bytes + i * sizeof fd, &fd, sizeof fd);
        lua_pop(L, 1);
    }
}

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

/* ---- times ---- */

void control_push_time(lua_State *L, const struct timespec *time)
{
    lua_createtable(L, 0, 2);
    field_set_integer(L, "seconds", time->tv_sec);
    field_set_integer(L, "nanoseconds", time->tv_nsec);
}

#ifdef __linux__

/* ---- interfaces ---- */

/* Ask the socket: it knows the interfaces of its network namespace, and no
 * other descriptor is needed. */
void control_set_interface(lua_State *L, const struct control_reader *r,
                           unsigned index)
{
    struct ifreq request = {.ifr_ifindex = (int)index};

    field_set_integer(L, "ifindex", index);
    if (index == 0 || ioctl(r->socket->handle.fd, SIOCGIFNAME, &request) == -1)
        return;
    field_set_string(L, "interface", request.ifr_name);
}

/* Return the index of the interface whose name is on top of the stack. */
static unsigned named_interface(lua_State *L, const struct control_writer *w)
{
    struct ifreq request;
    struct quote quote;
    const char *name;
    size_t length;

    if (lua_type(L, -1) != LUA_TSTRING)
        field_argerror(L, w->arg, "interface", "string expected");
    name = lua_tolstring(L, -1, &length);
    if (length == 1 && name[0] == '*')
        return 0;
    memset(&request, 0, sizeof request);
    if (length < sizeof request.ifr_name && text_is_whole(name, length))
        memcpy(request.ifr_name, name, length);
    if (ioctl(w->socket->handle.fd, SIOCGIFINDEX, &request) == -1) {
        if (errno != ENODEV)
            error_raise(L, "ioctl", errno, 0);
        lua_pushfstring(L, "no interface has this name: '%s'",
                        quote_value(L, -1, &quote));
        field_argerror(L, w->arg, "interface", lua_tostring(L, -1));
    }
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

#endif
