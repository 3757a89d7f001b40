/*
 * mptcp: the state that Linux reports of a Multipath TCP connection; see
 * type.h.
 *
 * Follows linux/mptcp.h. Its structures, which grow at their end, are declared
 * here because that header conflicts with the C library's. For a list of
 * subflows the caller passes the size of an item, and the kernel returns how
 * many subflows there are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/families.h"
#include "base/argument.h"
#include "base/size.h"
#include "option/struct.h"
#include "option/type.h"
#include "socket/socket.h"

#ifdef __linux__

/* ---- the connection ---- */

struct kernel_mptcp_info {
    uint8_t subflows, add_addr_signal, add_addr_accepted, subflows_max;
    uint8_t add_addr_signal_max, add_addr_accepted_max;
    uint32_t flags, token;
    uint64_t write_seq, snd_una, rcv_nxt;
    uint8_t local_addr_used, local_addr_max, csum_enabled;
    uint32_t retransmits;
    uint64_t bytes_retrans, bytes_sent, bytes_received, bytes_acked;
    uint8_t subflows_total;
    uint32_t last_data_sent, last_data_recv, last_ack_recv;
};

/* clang-format off */
#define FIELD(name) {#name, offsetof(struct kernel_mptcp_info, name), \
    sizeof ((struct kernel_mptcp_info *)0)->name}

static const struct info_field info_fields[] = {
    FIELD(subflows), FIELD(add_addr_signal), FIELD(add_addr_accepted),
    FIELD(subflows_max), FIELD(add_addr_signal_max),
    FIELD(add_addr_accepted_max), FIELD(token), FIELD(write_seq),
    FIELD(snd_una), FIELD(rcv_nxt), FIELD(local_addr_used),
    FIELD(local_addr_max), FIELD(retransmits), FIELD(bytes_retrans),
    FIELD(bytes_sent), FIELD(bytes_received), FIELD(bytes_acked),
    FIELD(subflows_total), FIELD(last_data_sent), FIELD(last_data_recv),
    FIELD(last_ack_recv),
    {NULL, 0, 0},
};
/* clang-format on */

enum { FALLBACK = 1, REMOTE_KEY_RECEIVED = 2 }; /* MPTCP_INFO_FLAG_… */

static void push_mptcp_info(lua_State *L, const struct option_type *type,
                            const union option_value *value, socklen_t length)
{
    struct kernel_mptcp_info info;

    (void)type;
    memcpy(&info, value->bytes, sizeof info);
    lua_createtable(L, 0, (int)(sizeof info_fields / sizeof *info_fields) + 3);
    field_set_boolean(L, "fallback", info.flags & FALLBACK);
    field_set_boolean(L, "remote_key_received",
                      info.flags & REMOTE_KEY_RECEIVED);
    field_set_boolean(L, "csum_enabled", info.csum_enabled);
    option_set_info_fields(L, info_fields, value->bytes, length);
}

const struct option_type option_mptcp_info = {
    .name = "mptcp_info",
    .size = sizeof(struct kernel_mptcp_info),
    .push = push_mptcp_info,
};

/* ---- its subflows ---- */

/* How many fit at the first attempt, and at the last; the kernel counts them in
 * a byte. */
#define FIRST_SUBFLOWS 8
#define MOST_SUBFLOWS 255

/* The header before the items. */
struct subflow_data {
    uint32_t size;
    uint32_t count;
    uint32_t size_kernel; /* bytes that the kernel wrote for each item */
    uint32_t size_item;   /* bytes that the caller expects for each */
};

/* Push one Lua value for an item, of which the kernel wrote `size` bytes. */
typedef void push_item(lua_State *L, const unsigned char *bytes, size_t size);

/* Push a userdata with up to `capacity` items. Returns zero, or errno. */
static int read_subflows(lua_State *L, const struct option *row, int level,
                         const struct socket *s, uint32_t capacity, size_t size)
{
    struct subflow_data head = {.size = sizeof head,
                                .size_item = (uint32_t)size};
    socklen_t length = (socklen_t)(sizeof head + capacity * size);
    unsigned char *bytes = lua_newuserdatauv(L, length, 0);

    memset(bytes, 0, length);
    memcpy(bytes, &head, sizeof head);
    return getsockopt(s->handle.fd, level, row->number, bytes, &length) == -1
               ? errno
               : 0;
}

/* Push a list of items of at most `size` bytes. */
static int get_subflows(lua_State *L, int arg, const struct option *row,
                        int level, const struct socket *s, size_t size,
                        push_item *push)
{
    struct subflow_data head = {.count = FIRST_SUBFLOWS};
    const unsigned char *bytes;
    uint32_t capacity;
    int error;

    luaL_argcheck(L, lua_isnoneornil(L, arg), arg,
                  "this option takes no argument");
    do {
        capacity = head.count;
        lua_settop(L, arg);
        error = read_subflows(L, row, level, s, capacity, size);
        if (error != 0)
            return error;
        bytes = lua_touserdata(L, -1);
        memcpy(&head, bytes, sizeof head);
        head.count = (uint32_t)size_within(head.count, MOST_SUBFLOWS);
    } while (head.count > capacity);
    lua_createtable(L, (int)head.count, 0);
    for (uint32_t i = 0; i < head.count; i++) {
        push(L, bytes + sizeof head + i * size,
             head.size_kernel < size ? head.size_kernel : size);
        lua_rawseti(L, -2, i + 1);
    }
    return 0;
}

static void push_tcp(lua_State *L, const unsigned char *bytes, size_t size)
{
    option_tcp_info.push(L, &option_tcp_info, (const void *)bytes,
                         (socklen_t)size);
}

static int get_tcp_info(lua_State *L, int arg, const struct option *row,
                        int level, const struct socket *s)
{
    return get_subflows(L, arg, row, level, s, option_tcp_info.size, push_tcp);
}

const struct option_type option_mptcp_tcp_info = {
    .name = "mptcp_tcpinfo",
    .get = get_tcp_info,
};

static void set_address(lua_State *L, const char *name,
                        const unsigned char *bytes)
{
    struct sockaddr_storage address;

    memcpy(&address, bytes, sizeof address);
    address_push(L, (const struct sockaddr *)&address,
                 address.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                               : sizeof(struct sockaddr_in));
    lua_setfield(L, -2, name);
}

static void push_addresses(lua_State *L, const unsigned char *bytes,
                           size_t size)
{
    (void)size;
    lua_createtable(L, 0, 2);
    set_address(L, "local", bytes);
    set_address(L, "remote", bytes + sizeof(struct sockaddr_storage));
}

static int get_addresses(lua_State *L, int arg, const struct option *row,
                         int level, const struct socket *s)
{
    return get_subflows(L, arg, row, level, s,
                        2 * sizeof(struct sockaddr_storage), push_addresses);
}

const struct option_type option_mptcp_addresses = {
    .name = "mptcp_subflow_addrs",
    .get = get_addresses,
};

#endif
