/*
 * control_kind: what the kinds of control messages are made of.
 *
 * control.c has a row for each kind; the row's type turns a Lua value into the
 * bytes of a message, and the bytes of one into a Lua value.
 */
#ifndef SOCKEYE_MESSAGE_CONTROL_KIND_H
#define SOCKEYE_MESSAGE_CONTROL_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#include <lua.h>

#include "socket/socket.h"

/* Control messages that are to be sent. What does not fit in `small` is in a
 * userdata at `slot`; the writer may not be moved. */
struct control_writer {
    const struct socket *socket;
    const char *call; /* for errors */
    int arg;          /* whose argument errors are raised */
    int slot;         /* of the stack */
    unsigned char *bytes;
    size_t used, size;
    union {
        size_t alignment; /* of struct cmsghdr */
        unsigned char bytes[1536];
    } small;
};

/* Received control messages. */
struct control_reader {
    const struct socket *socket;
    struct msghdr *message;
    bool numbers; /* descriptors come as integers */
    int table;    /* the stack index of what they become */
};

struct control_kind;

/* Append what the value on top of the stack says; else argument error. */
typedef void control_check(lua_State *L, struct control_writer *w,
                           const struct control_kind *kind);

/* Push what `length` bytes say, no fewer than the type's size; the name of the
 * field that it becomes. */
typedef const char *control_push(lua_State *L, const struct control_reader *r,
                                 const struct control_kind *kind,
                                 unsigned char *data, size_t length);

struct control_type {
    size_t size;          /* the fewest bytes understood; of a number: all */
    control_check *check; /* NULL: cannot be sent */
    control_push *push;   /* NULL: is never received */
    lua_Integer low;      /* of a number: the range to send; < 0: signed */
    lua_Integer high;
    bool joins;       /* several become one field */
    bool descriptors; /* the bytes are descriptors, to be closed by somebody */
};

struct control_kind {
    const char *name;
    int level;
    int number;
    int family; /* of the socket, where two kinds share a name; 0: any */
    const struct control_type *type;
};

/* Push {seconds=, nanoseconds=}. */
void control_push_time(lua_State *L, const struct timespec *time);

/* The interface with that index as the fields ifindex and interface. */
void control_set_interface(lua_State *L, const struct control_reader *r,
                           unsigned index);

/* The index of the interface that the table on top names by its field ifindex
 * or interface; 0: by neither. */
unsigned control_interface(lua_State *L, const struct control_writer *w);

/* Append a message. */
void control_append(lua_State *L, struct control_writer *w, int level,
                    int number, const void *data, size_t length);

/* Numbers and bytes. */
extern const struct control_type control_ttl;
extern const struct control_type control_hops;
extern const struct control_type control_number;
extern const struct control_type control_octet;
extern const struct control_type control_short;
extern const struct control_type control_uint;
extern const struct control_type control_counter;
extern const struct control_type control_nanoseconds;
extern const struct control_type control_network;
extern const struct control_type control_bytes;
extern const struct control_type control_header;
extern const struct control_type control_label;

/* At the level of sockets and of packet sockets: control_socket.c. */
extern const struct control_type control_rights;
extern const struct control_type control_timestamp;
extern const struct control_type control_timestampns;
extern const struct control_type control_credentials;
extern const struct control_type control_pidfd;
extern const struct control_type control_timestamping;
extern const struct control_type control_timestamping_packet;
extern const struct control_type control_auxdata;

/* At the levels of IP and IPv6: control_ip.c. */
extern const struct control_type control_pktinfo;
extern const struct control_type control_pktinfo6;
extern const struct control_type control_recverr;
extern const struct control_type control_address;
extern const struct control_type control_mtuinfo;

#endif
