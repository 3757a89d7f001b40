/*
 * transfer: the flags of calls that send or receive, and how failed attempts
 * are repeated; see transfer.h.
 *
 * Follows send(2) and recv(2).
 */
#include <errno.h>
#include <poll.h>

#include "base/field.h"
#include "base/kernel.h"
#include "base/scratch.h"
#include "open.h"
#include "socket/transfer.h"

/* What poll(2) reports where reading was shut down; 0: nothing. */
#ifdef POLLRDHUP
#define READ_ENDED POLLRDHUP
#else
#define READ_ENDED 0
#endif

/* Flags of calls that receive which only numbers can give. */
#ifdef __linux__
#define NAMELESS_FLAGS (MSG_CMSG_CLOEXEC | MSG_WAITFORONE | MSG_SOCK_DEVMEM)
#else
#define NAMELESS_FLAGS 0
#endif

/* clang-format off */
static const struct name flag_rows[] = {
    {"oob", MSG_OOB}, {"peek", MSG_PEEK}, {"dontroute", MSG_DONTROUTE},
    {"ctrunc", MSG_CTRUNC}, {"trunc", MSG_TRUNC}, {"dontwait", MSG_DONTWAIT},
    {"eor", MSG_EOR}, {"waitall", MSG_WAITALL}, {"nosignal", MSG_NOSIGNAL},
#ifdef MSG_CONFIRM
    {"confirm", MSG_CONFIRM},
#endif
#ifdef MSG_ERRQUEUE
    {"errqueue", MSG_ERRQUEUE},
#endif
#ifdef MSG_MORE
    {"more", MSG_MORE},
#endif
#ifdef MSG_FASTOPEN
    {"fastopen", MSG_FASTOPEN},
#endif
#ifdef MSG_ZEROCOPY
    {"zerocopy", MSG_ZEROCOPY},
#endif
    {NULL, 0},
};
/* clang-format on */

const struct names transfer_flag_names = {"flag", {"MSG_", NULL}, flag_rows};

static lua_Integer all_flags(void)
{
    lua_Integer flags = 0;

    for (const struct name *row = flag_rows; row->text != NULL; row++)
        flags |= row->value;
    return flags;
}

/* The flags that a call that sends understands. */
static lua_Integer sending_flags(void)
{
    return all_flags() &
           ~(lua_Integer)(MSG_PEEK | MSG_TRUNC | MSG_CTRUNC | MSG_WAITALL);
}

/* Read flags of which an integer may have the bits that are known. */
static bool read_flags(lua_State *L, int index, lua_Integer known, int *flags)
{
    if (!names_read_flags(L, index, &transfer_flag_names, flags))
        return false;
    if (lua_type(L, index) != LUA_TNUMBER || (*flags & ~known) == 0)
        return true;
    lua_pushfstring(L, "%d is no combination of MSG_ flags", *flags);
    return false;
}

int transfer_check_sending_flags(lua_State *L, int arg)
{
    int flags;

    if (read_flags(L, arg, sending_flags(), &flags))
        return flags;
    if (flags != 0 && lua_tointeger(L, arg) == flags)
        lua_pushfstring(L, "%s; to send from a position on, send data:sub(%d)",
                        lua_tostring(L, -1), flags);
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}

int transfer_field_sending_flags(lua_State *L, int arg)
{
    int flags;

    lua_getfield(L, arg, "flags");
    if (!read_flags(L, -1, sending_flags(), &flags))
        field_argerror(L, arg, "flags", lua_tostring(L, -1));
    lua_pop(L, 1);
    return flags;
}

bool transfer_read_receiving_flags(lua_State *L, int index, int *flags)
{
    return read_flags(L, index, all_flags() | NAMELESS_FLAGS, flags);
}

int transfer_check_receiving_flags(lua_State *L, int arg)
{
    int flags;

    if (!transfer_read_receiving_flags(L, arg, &flags))
        luaL_argerror(L, arg, lua_tostring(L, -1));
    return flags;
}

bool transfer_again(lua_State *L, const struct socket *s, struct wait *w,
                    bool has_destination)
{
    if (errno == EAGAIN && has_destination && s->family == AF_UNIX &&
        !wait_is_nonblocking(w) && !wait_blocks(w->handle))
        return wait_briefly(L, w, WAIT_USUALLY);
    return wait_again(L, w);
}

int transfer_test_shut(int fd)
{
    struct pollfd p = {fd, READ_ENDED, 0};
    int count;

    do
        count = poll(&p, 1, 0);
    while (count == -1 && errno == EINTR);
    if (count == -1)
        return errno;
    return p.revents & READ_ENDED ? 0 : EAGAIN;
}

/* Whether a call that must not block has waited, and there is nothing: perhaps
 * because reading was shut down, which is no error of recv(2). */
static bool may_be_shut(const struct socket *s, const struct wait *w, int flags)
{
    bool has_waited = w->context == WAIT_RESUMED || w->deadline != 0;

    return errno == EAGAIN && has_waited && (flags & MSG_DONTWAIT) &&
           !(flags & MSG_ERRQUEUE) && !wait_is_nonblocking(w) &&
           !transfer_ends(s);
}

bool transfer_reads_again(lua_State *L, const struct socket *s, struct wait *w,
                          int *flags)
{
    int error = errno;

    if (may_be_shut(s, w, *flags))
        error = transfer_test_shut(s->handle.fd);
    if (error == 0) {
        *flags &= ~MSG_DONTWAIT;
        return true;
    }
    errno = error;
    return wait_again(L, w);
}

bool transfer_receive_again(lua_State *L, const struct socket *s,
                            struct wait *w, size_t size, int *flags)
{
    int error = errno;

    scratch_release(L, size);
    errno = error;
    return transfer_reads_again(L, s, w, flags);
}

void open_transfer(lua_State *L)
{
    names_export(L, &transfer_flag_names);
}
