/*
 * address: socket addresses as immutable userdata; see address.h.
 *
 * if_nametoindex(3).
 */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#include "address/address.h"
#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/kernel.h"
#include "base/metatable.h"
#include "open.h"

static const char address_tag = 'a';

/* clang-format off */
static const struct name family_rows[] = {
    {"unspec", AF_UNSPEC}, {"inet", AF_INET}, {"inet6", AF_INET6},
    {"unix", AF_UNIX}, {"local", AF_LOCAL},
#ifdef __linux__
    {"netlink", AF_NETLINK}, {"packet", AF_PACKET}, {"vsock", AF_VSOCK},
    {"alg", AF_ALG}, {"appletalk", AF_APPLETALK}, {"ash", AF_ASH},
    {"atmpvc", AF_ATMPVC}, {"atmsvc", AF_ATMSVC}, {"ax25", AF_AX25},
    {"bluetooth", AF_BLUETOOTH}, {"bridge", AF_BRIDGE}, {"caif", AF_CAIF},
    {"can", AF_CAN}, {"decnet", AF_DECnet}, {"econet", AF_ECONET},
    {"file", AF_FILE}, {"ib", AF_IB}, {"ieee802154", AF_IEEE802154},
    {"ipx", AF_IPX}, {"irda", AF_IRDA}, {"isdn", AF_ISDN},
    {"iucv", AF_IUCV}, {"kcm", AF_KCM}, {"key", AF_KEY}, {"llc", AF_LLC},
    {"mctp", AF_MCTP}, {"mpls", AF_MPLS}, {"netbeui", AF_NETBEUI},
    {"netrom", AF_NETROM}, {"nfc", AF_NFC}, {"phonet", AF_PHONET},
    {"pppox", AF_PPPOX}, {"qipcrtr", AF_QIPCRTR}, {"rds", AF_RDS},
    {"rose", AF_ROSE}, {"route", AF_ROUTE}, {"rxrpc", AF_RXRPC},
    {"security", AF_SECURITY}, {"smc", AF_SMC}, {"sna", AF_SNA},
    {"tipc", AF_TIPC}, {"wanpipe", AF_WANPIPE}, {"x25", AF_X25},
    {"xdp", AF_XDP},
#endif
    {NULL, 0},
};
/* clang-format on */

const struct names address_family_names = {
    "family", {"AF_", "PF_"}, family_rows};

int address_check_family(lua_State *L, int arg)
{
    return (int)names_check(L, arg, &address_family_names);
}

static struct address *new_address(lua_State *L, size_t capacity)
{
    struct address *a =
        lua_newuserdatauv(L, offsetof(struct address, bytes) + capacity, 0);

    memset(a->bytes, 0, capacity);
    a->tag = &address_tag;
    a->length = sizeof a->any.sa_family;
    a->capacity = (socklen_t)capacity;
    luaL_setmetatable(L, ADDRESS_TYPE);
    return a;
}

struct address *address_new(lua_State *L)
{
    return new_address(L, sizeof(struct sockaddr_storage));
}

struct address *address_new_of(lua_State *L, int family)
{
    switch (family) {
    case AF_INET:
        return new_address(L, sizeof(struct sockaddr_in));
    case AF_INET6:
        return new_address(L, sizeof(struct sockaddr_in6));
    default:
        return address_new(L);
    }
}

const struct address *address_test(lua_State *L, int arg)
{
    const size_t least =
        offsetof(struct address, bytes) + sizeof(struct sockaddr_in);
    const struct address *a = lua_touserdata(L, arg);

    if (a == NULL || lua_rawlen(L, arg) < least || a->tag != &address_tag)
        return NULL;
    return a;
}

int address_lookup_error(void)
{
    return errno == ENOENT ? EMFILE : errno;
}

/* Whether the error says that there is no interface of that name. */
static bool is_unknown(int error)
{
    return error == ENODEV || error == ENXIO || error == EINVAL;
}

uint32_t address_find_interface(lua_State *L, const char *name)
{
    bool collected = false;
    unsigned int number;
    int error;

    do {
        number = if_nametoindex(name);
        error = number == 0 ? address_lookup_error() : 0;
    } while (descriptor_collect(L, error, &collected));
    if (number == 0 && !is_unknown(error))
        error_raise(L, "if_nametoindex", error, 0);
    return number;
}

/* primitives.read_family(value): returns the family's number; or nil and what
 * is wrong with the value. */
static int address_read_family(lua_State *L)
{
    luaL_checkany(L, 1);
    return names_push_read(L, 1, &address_family_names);
}

void open_address(lua_State *L)
{
    names_export(L, &address_family_names);
    metatable_push(L, ADDRESS_TYPE, NULL);
    lua_pop(L, 1);
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, address_read_family);
    lua_setfield(L, -2, "read_family");
    lua_pop(L, 1);
}
