/*
 * type: the types of options, and the rows of the table.
 *
 * table.c has a row for each option; the row's type converts a Lua value to the
 * bytes for setsockopt(2), and the bytes from getsockopt(2) to a Lua value.
 */
#ifndef SOCKEYE_OPTION_TYPE_H
#define SOCKEYE_OPTION_TYPE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <lua.h>

#include "base/field.h"
#include "base/names.h"

#define OPTION_BYTES 1024 /* capacity for an option of no fixed size */

/* The value of any option. */
union option_value {
    int number;
    unsigned long word;
    struct timeval time;
    struct linger linger;
    struct in_addr in_addr;
    struct ip_mreq mreq;
    struct ipv6_mreq mreq6;
    struct group_req group;
    struct group_source_req group_source;
    struct sockaddr_storage address;
    uint32_t numbers[OPTION_BYTES / sizeof(uint32_t)];
    uint64_t pair;
    unsigned char bytes[OPTION_BYTES];
};

/* The bytes for setsockopt, in an option_value or in the script's string. */
struct option_data {
    const void *bytes;
    socklen_t length;
};

struct option_type;

/* Convert the value at `arg`; raises an argument error. */
typedef struct option_data option_check(lua_State *L, int arg,
                                        const struct option_type *type,
                                        union option_value *value);

/* Push one Lua value for the `length` bytes that the kernel returned. */
typedef void option_push(lua_State *L, const struct option_type *type,
                         const union option_value *value, socklen_t length);

struct option;
struct socket;

/* For options whose getsockopt needs input (from `arg`) or has no fixed size:
 * read the option and push one Lua value. Reading the input may run Lua code,
 * which may close the socket: its descriptor is taken just before the system
 * call. Returns zero, or errno. */
typedef int option_get(lua_State *L, int arg, const struct option *row,
                       int level, const struct socket *s);

struct option_type {
    const char *name; /* what sockeye.options calls it */
    socklen_t size;   /* bytes offered to the kernel to write */
    option_check *check;
    option_push *push;
    option_get *get; /* replaces size and push */
    lua_Integer low; /* range of an integer */
    lua_Integer high;
    const struct names *names;       /* for a constant or flags */
    const struct info_field *fields; /* for a structure of numbers */
};

enum option_access {
    OPTION_READ = 1,
    OPTION_WRITE = 2,
    OPTION_BY_FAMILY = 4, /* level IPPROTO_IPV6 if socket and group are IPv6 */
};

struct option {
    const char *name;
    const char *level_name;
    int level;
    int number;
    const struct option_type *type;
    unsigned access;
};

extern const struct option option_rows[]; /* ends with a row without a name */

/* Plain values: type.c. */
extern const struct option_type option_bool;
extern const struct option_type option_int;
extern const struct option_type option_uint;
extern const struct option_type option_size;
extern const struct option_type option_octet;
extern const struct option_type option_word;
extern const struct option_type option_counter;
extern const struct option_type option_coverage;
extern const struct option_type option_wide;
extern const struct option_type option_seconds;
extern const struct option_type option_linger;
extern const struct option_type option_string;
extern const struct option_type option_device;
extern const struct option_type option_label;
extern const struct option_type option_bytes;
extern const struct option_type option_error;
extern const struct option_type option_family;
extern const struct option_type option_socket_type;
extern const struct option_type option_protocol;
extern const struct option_type option_discovery;
extern const struct option_type option_preferences;
extern const struct option_type option_timestamping;

/* Structures: struct.c, and tcp_info.c. */
extern const struct option_type option_ucred;
extern const struct option_type option_groups;
extern const struct option_type option_memberships;
extern const struct option_type option_port_range;
extern const struct option_type option_meminfo;
extern const struct option_type option_txtime;
extern const struct option_type option_address;
extern const struct option_type option_mtuinfo;
extern const struct option_type option_tcp_info;

/* Interfaces and multicast groups: group.c. */
extern const struct option_type option_interface;
extern const struct option_type option_net_interface;
extern const struct option_type option_multicast_if;
extern const struct option_type option_pktinfo6;
extern const struct option_type option_mreq;
extern const struct option_type option_mreq_source;
extern const struct option_type option_mreq6;
extern const struct option_type option_group;
extern const struct option_type option_group_source;

/* Source filters of multicast groups: source_filter.c. */
extern const struct option_type option_msfilter;
extern const struct option_type option_group_filter;

/* ICMP: icmp_filter.c. */
extern const struct option_type option_icmp_filter;
extern const struct option_type option_icmp6_filter;

/* Classic BPF: bpf.c. */
extern const struct option_type option_filter;

/* Structures of TCP: tcp.c. */
extern const struct option_type option_tcp_md5sig;
extern const struct option_type option_tcp_md5sig_ext;
extern const struct option_type option_tcp_queue;
extern const struct option_type option_tcp_repair_opt;
extern const struct option_type option_tcp_repair_window;
extern const struct option_type option_tcp_zerocopy_receive;

/* Packet sockets: packet.c. */
extern const struct option_type option_packet_mreq;
extern const struct option_type option_fanout;
extern const struct option_type option_statistics;
extern const struct option_type option_rollover;
extern const struct option_type option_version;

/* Multipath TCP: mptcp.c. */
extern const struct option_type option_mptcp_info;
extern const struct option_type option_mptcp_tcp_info;
extern const struct option_type option_mptcp_addresses;

/* Convert an int that is one of the constants of type->names. */
option_check option_check_constant;
option_push option_push_constant;

/* Push the names of flags as one string, or the number if a bit has no name. */
void option_push_flag_names(lua_State *L, const struct names *names,
                            lua_Integer flags);

#endif
