/*
 * level: the levels of options and of control data, by name; see level.h.
 *
 * socket(7), setsockopt(2), linux/socket.h of the kernel.
 */
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/level.h"
#include "address/protocol.h"
#include "base/argument.h"
#include "base/kernel.h"
#include "open.h"

/* clang-format off */
static const struct name level_rows[] = {
    {"socket", SOL_SOCKET}, {"ip", IPPROTO_IP}, {"ipv6", IPPROTO_IPV6},
    {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmpv6", IPPROTO_ICMPV6},
#ifdef __linux__
    {"raw", SOL_RAW}, {"sctp", 132}, {"udplite", 136},
    {"can_raw", 101}, {"can_isotp", 106}, {"can_j1939", 107},
    {"packet", SOL_PACKET}, {"llc", 268}, {"dccp", 269},
    {"netlink", SOL_NETLINK}, {"tipc", 271}, {"rxrpc", 272},
    {"pppol2tp", 273}, {"bluetooth", 274}, {"rds", 276}, {"iucv", 277},
    {"caif", 278}, {"alg", 279}, {"nfc", 280}, {"kcm", 281}, {"tls", 282},
    {"xdp", 283}, {"mptcp", SOL_MPTCP}, {"smc", 286}, {"vsock", 287},
#endif
    {NULL, 0},
};
/* clang-format on */

const struct names level_names = {"option level", {"SOL_", NULL}, level_rows};

/* Return the names that a level's prefix chooses. */
static const struct names *names_for(const char *text)
{
    if (strncasecmp(text, "IPPROTO_", 8) == 0)
        return &protocol_names;
    if (strncasecmp(text, "AF_", 3) == 0)
        return &address_family_names;
    return &level_names;
}

bool level_read(lua_State *L, int index, int *level)
{
    const struct names *names = &level_names;
    lua_Integer value;
    int is_integer;

    if (lua_type(L, index) == LUA_TNUMBER) {
        value = lua_tointegerx(L, index, &is_integer);
        *level = (int)value;
        if (is_integer && value >= INT32_MIN && value <= INT32_MAX)
            return true;
        lua_pushliteral(L, "out of range");
        return false;
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        lua_pushfstring(L, "integer expected or a name, got %s",
                        luaL_typename(L, index));
        return false;
    }
    names = names_for(lua_tostring(L, index));
    if (!names_read(L, index, names, &value))
        return false;
    *level = (int)value;
    return true;
}

int level_check(lua_State *L, int arg)
{
    int level = 0;

    if (!level_read(L, arg, &level))
        luaL_argerror(L, arg, lua_tostring(L, -1));
    return level;
}

void open_level(lua_State *L)
{
    names_export(L, &level_names);
}
