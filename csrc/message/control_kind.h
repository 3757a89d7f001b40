/*
 * control_kind: the kinds of control messages, and their types.
 *
 * control.c has a row for each kind; the row's type converts a Lua value to the
 * bytes of a message, and the bytes of a message to a Lua value.
 */
#ifndef SOCKEYE_MESSAGE_CONTROL_KIND_H
#define SOCKEYE_MESSAGE_CONTROL_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#include <lua.h>

#include "socket/socket.h"

/* Encodes control messages to send. They are in `small` or, if they do not fit,
 * in a userdata at stack index `slot`. Must not be moved: `bytes` may point
 * into it. */
struct control_writer {
    const struct socket *socket;
    const char *call; /* for errors */
    int arg;          /* the argument to blame in errors */
    int slot;
    size_t rights;       /* where in `bytes` the descriptors' numbers belong */
    size_t rights_count; /* how many: those of the list at index `slot` + 1 */
    unsigned char *bytes;
    size_t used, size;
    union {
        size_t alignment; /* as struct cmsghdr needs it */
        unsigned char bytes[1536];
    } small;
};

/* Decodes received control messages. */
struct control_reader {
    const struct socket *socket;
    struct msghdr *message;
    bool numbers; /* descriptors come as integers */
    int table;    /* stack index of the result */
};

struct control_kind;

/* Append a message for the value on top of the stack; raises an argument
 * error. */
typedef void control_check(lua_State *L, struct control_writer *w,
                           const struct control_kind *kind);

/* Push a Lua value for `length` bytes, at least the type's size. Returns the
 * name of the field for it. */
typedef const char *control_push(lua_State *L, const struct control_reader *r,
                                 const struct control_kind *kind,
                                 unsigned char *data, size_t length);

struct control_type {
    size_t size;          /* minimum length; of a number: its length */
    control_check *check; /* NULL: cannot be sent */
    control_push *push;   /* NULL: cannot be received */
    lua_Integer low;      /* range of a number to send; < 0: signed */
    lua_Integer high;
    bool joins;       /* several messages become one field */
    bool descriptors; /* the bytes are descriptors, which someone must own */
};

struct control_kind {
    const char *name;
    int level;
    int number;
    int family; /* the socket's, if several kinds share the name; 0: any */
    const struct control_type *type;
};

/* Push {seconds=, nanoseconds=}. */
void control_push_time(lua_State *L, const struct timespec *time);

/* Set the fields ifindex and interface for the interface with this index. */
void control_set_interface(lua_State *L, const struct control_reader *r,
                           unsigned index);

/* Return the index of the interface that the table on top names in its field
 * ifindex or interface; 0: both are absent. */
unsigned control_interface(lua_State *L, const struct control_writer *w);

/* Append a message; without `data`, of so many zero bytes. Raises an argument
 * error if there is too much control data. */
void control_append(lua_State *L, struct control_writer *w, int level,
                    int number, const void *data, size_t length);

/* Return the descriptor of the value on top of the stack, one of `rights`.
 * Raises an argument error, or EBADF in the name of `call` if it is closed. */
int control_descriptor(lua_State *L, const char *call, int arg);

/* Set the numbers of the `count` descriptors in the list at `index`, just before
 * the system call: Lua code that ran since may have closed one, which raises
 * EBADF in the name of `call`. */
void control_fill_rights(lua_State *L, int index, const char *call,
                         unsigned char *bytes, size_t count);

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
