/*
 * control_read: feeds control data, valid or not, to recvmsg's decoder.
 *
 * Input: flags, the number of allocations, the length of an address, the
 * address, the control data. Each descriptor in the data is replaced by an open
 * one, and all of these must be closed in the end.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "plant.h"
#include "message/control.h"
#include "message/message.h"

enum { NUMBERS = 1, STARVE = 2, WHOLE = 4, SEVERAL = 8 };

struct input {
    unsigned flags;
    long requests; /* allocations, after planting the descriptors */
    struct msghdr message;
};

/* ---- descriptors received as numbers ---- */

/* The caller owns the descriptors that it receives as numbers. */
static void close_number(lua_State *L)
{
    if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 0)
        close((int)lua_tointeger(L, -1));
    lua_pop(L, 1);
}

static void close_numbers(lua_State *L, int control)
{
    if (lua_getfield(L, control, "rights") == LUA_TTABLE) {
        for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, -1); i++) {
            lua_rawgeti(L, -1, i);
            close_number(L);
        }
    }
    lua_pop(L, 1);
    lua_getfield(L, control, "pidfd");
    close_number(L);
}

/* Checks that collecting a socket does not close its descriptor again: the
 * number may have a new owner by then. */
static void check_once(lua_State *L)
{
    int others[MOST_PLANTED];
    bool kept = true;

    for (int i = 0; i < MOST_PLANTED; i++)
        others[i] = fcntl(fuzz_socket(L)->handle.fd, F_DUPFD_CLOEXEC, 0);
    lua_gc(L, LUA_GCCOLLECT);
    for (int i = 0; i < MOST_PLANTED; i++)
        kept = close(others[i]) == 0 && kept;
    fuzz_check(L, kept, "a descriptor is closed twice");
}

/* ---- reading ---- */

/* If this raises, the caller has to close the descriptors. */
static int read_alone(lua_State *L)
{
    struct input *input = lua_touserdata(L, 1);
    struct control_reader reader = {
        .socket = fuzz_socket(L),
        .message = &input->message,
        .numbers = input->flags & NUMBERS,
        .table = 3,
    };

    fuzz_limit(L, input->requests);
    lua_newtable(L);
    control_read(L, &reader);
    fuzz_check(L, lua_gettop(L) == 3, "control_read leaves values");
    return 1;
}

/* Reads as recvmsg does, with its guard. Stack: the input, the options. */
static int read_whole(lua_State *L)
{
    struct input *input = lua_touserdata(L, 1);
    struct received received = {
        .socket = fuzz_socket(L),
        .header = &input->message,
        .data = "data",
        .length = 4 + (input->flags >> 7),
    };
    struct receive_options request = {
        .size = 4,
        .several = input->flags & SEVERAL,
        .control = input->message.msg_controllen,
        .numbers = input->flags & NUMBERS,
    };

    fuzz_limit(L, input->requests);
    message_push(L, &received, &request, 2);
    fuzz_limit(L, -1);
    fuzz_check(L, lua_gettop(L) == 3, "message_push leaves values");
    if (lua_getfield(L, 3, "control") == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    return 1;
}

/* Pushes {iov = {1, 2, 1, 1}}. */
static void push_options(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L);
    for (int i = 1; i <= 4; i++) {
        lua_pushinteger(L, i == 2 ? 2 : 1);
        lua_rawseti(L, -2, i);
    }
    lua_setfield(L, -2, "iov");
}

/* Counts the bytes of all strings in the value on top. */
static size_t measure(lua_State *L, int depth)
{
    size_t sum = 1;

    fuzz_check(L, depth < 5, "tables without an end");
    luaL_checkstack(L, 4, NULL);
    if (lua_type(L, -1) == LUA_TSTRING)
        return lua_rawlen(L, -1);
    if (!lua_istable(L, -1))
        return sum;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        sum += measure(L, depth + 1);
        lua_pop(L, 1);
    }
    return sum;
}

/* Checks the size: each 16-byte header makes a table of a few fields. */
static void check_control(lua_State *L, size_t size)
{
    fuzz_check(L, measure(L, 0) <= 1 + 16 * size, "more than there was");
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, -1); i++) {
        lua_rawgeti(L, -1, i);
        lua_getfield(L, -1, "data");
        fuzz_check(L, lua_type(L, -1) == LUA_TSTRING, "no bytes");
        fuzz_check(L, lua_rawlen(L, -1) <= size, "more bytes than came");
        lua_getfield(L, -2, "level");
        lua_getfield(L, -3, "type");
        fuzz_check(L,
                   lua_isinteger(L, -1) &&
                       (lua_isinteger(L, -2) || lua_type(L, -2) == LUA_TSTRING),
                   "neither level nor type");
        lua_pop(L, 4);
    }
}

int fuzz_control_read(lua_State *L)
{
    struct supply s = supply_of(L, 1);
    struct input input = {.flags = take_byte(&s)};
    size_t name;
    size_t size;
    const unsigned char *bytes;

    input.requests = (long)take_byte(&s) + 1;
    if (!(input.flags & STARVE))
        input.requests = -1;
    name = take_byte(&s);
    bytes = take_bytes(&s, &name);
    if (name > sizeof(struct sockaddr_storage))
        name = sizeof(struct sockaddr_storage);
    input.message.msg_namelen = (socklen_t)name;
    input.message.msg_name = push_exact(L, bytes, name);
    size = s.left;
    input.message.msg_control = push_exact(L, s.bytes, size);
    input.message.msg_controllen = (socklen_t)size;
    input.message.msg_flags = (int)(input.flags << 3);
    lua_pushcfunction(L, input.flags & WHOLE ? read_whole : read_alone);
    lua_pushlightuserdata(L, &input);
    push_options(L);
    plant_descriptors(&input.message, fuzz_socket(L)->handle.fd);
    if (fuzz_starve(L, -1, 2, 1) == LUA_OK) {
        if (input.flags & NUMBERS)
            close_numbers(L, lua_gettop(L));
        check_control(L, size);
        return 0;
    }
    if (!(input.flags & WHOLE))
        control_close_descriptors(&input.message);
    fuzz_check_error(L);
    check_once(L);
    fuzz_check(L, input.flags & STARVE, "an error where nothing is lacking");
    return 0;
}
