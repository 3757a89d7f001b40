/*
 * option_type: what the rooms of the options share.
 *
 * option_table.c has a row for each option; the row's type turns a Lua value
 * into what setsockopt(2) takes, and what getsockopt(2) gave into a Lua value.
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

#define OPTION_BYTES 1024 /* room for an option of no fixed size */

/* Room for any option's value. */
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

/* What setsockopt is given: bytes of the value, or of the script's string. */
struct option_data {
    const void *bytes;
    socklen_t length;
};

struct option_type;

/* The value at `arg`, else argument error. */
typedef struct option_data option_check(lua_State *L, int arg,
                                        const struct option_type *type,
                                        union option_value *value);

/* Push one Lua value for the `length` bytes that the kernel gave. */
typedef void option_push(lua_State *L, const struct option_type *type,
                         const union option_value *value, socklen_t length);

struct option;

/* Of an option that has to be asked for with bytes of its own, made of what is
 * at `arg`, or of which there may be more than fits: ask for it and push one
 * Lua value. Zero, or errno. */
typedef int option_get(lua_State *L, int arg, const struct option *row,
                       int level, int fd);

struct option_type {
    const char *name; /* what sockeye.options calls it */
    socklen_t size;   /* bytes offered to the kernel to write */
    option_check *check;
    option_push *push;
    option_get *get; /* in place of size and push */
    lua_Integer low; /* of an integer: the range */
    lua_Integer high;
    const struct names *names;       /* of a name or of flags */
    const struct info_field *fields; /* of a structure of numbers */
};

enum option_access {
    OPTION_READ = 1,
    OPTION_WRITE = 2,
    OPTION_BY_FAMILY = 4, /* at IPPROTO_IPV6 for a socket and a group of IPv6 */
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

/* Plain values: option_type.c. */
extern const struct option_type bool_option;
extern const struct option_type int_option;
extern const struct option_type uint_option;
extern const struct option_type size_option;
extern const struct option_type octet_option;
extern const struct option_type word_option;
extern const struct option_type counter_option;
extern const struct option_type coverage_option;
extern const struct option_type wide_option;
extern const struct option_type seconds_option;
extern const struct option_type linger_option;
extern const struct option_type string_option;
extern const struct option_type label_option;
extern const struct option_type bytes_option;
extern const struct option_type error_option;
extern const struct option_type family_option;
extern const struct option_type type_option;
extern const struct option_type protocol_option;
extern const struct option_type discovery_option;
extern const struct option_type preferences_option;
extern const struct option_type timestamping_option;

/* Structures: option_struct.c, and option_tcp_info.c. */
extern const struct option_type ucred_option;
extern const struct option_type groups_option;
extern const struct option_type memberships_option;
extern const struct option_type port_range_option;
extern const struct option_type meminfo_option;
extern const struct option_type txtime_option;
extern const struct option_type address_option;
extern const struct option_type mtuinfo_option;
extern const struct option_type tcp_info_option;

/* Interfaces and multicast groups: option_group.c. */
extern const struct option_type interface_option;
extern const struct option_type net_interface_option;
extern const struct option_type multicast_if_option;
extern const struct option_type pktinfo6_option;
extern const struct option_type mreq_option;
extern const struct option_type mreq_source_option;
extern const struct option_type mreq6_option;
extern const struct option_type group_option;
extern const struct option_type group_source_option;

/* Source filters of multicast groups: option_msfilter.c. */
extern const struct option_type msfilter_option;
extern const struct option_type group_filter_option;

/* ICMP: option_raw.c. */
extern const struct option_type icmp_filter_option;
extern const struct option_type icmp6_filter_option;

/* Classic BPF: option_filter.c. */
extern const struct option_type filter_option;

/* Packet sockets: option_packet.c. */
extern const struct option_type packet_mreq_option;
extern const struct option_type fanout_option;
extern const struct option_type statistics_option;
extern const struct option_type rollover_option;
extern const struct option_type version_option;

/* Multipath TCP: option_mptcp.c. */
extern const struct option_type mptcp_info_option;
extern const struct option_type mptcp_tcp_info_option;
extern const struct option_type mptcp_addresses_option;

/* A constant of type->names, as an int. */
option_check check_constant;
option_push push_constant;

/* Push the names of flags, in one string; the number where a bit has none. */
void push_flag_names(lua_State *L, const struct names *names,
                     lua_Integer flags);

/* An unsigned field of a structure to which Linux appends some. */
struct info_field {
    const char *name; /* NULL: the last row */
    size_t offset;
    size_t size;
};

/* A table of the fields of type->fields. */
option_push push_info;

/* Set the fields that are within `length` bytes in the table on top. */
void set_info_fields(lua_State *L, const struct info_field *row,
                     const unsigned char *bytes, socklen_t length);

#endif
