/*
 * kernel: system calls that a target answers in the kernel's place; see
 * kernel.h.
 *
 * The functions replace those of the C library in what is linked with them.
 * They call these while there are no answers, and look them up by RTLD_DEFAULT,
 * which finds no hidden function, such as those here. musl's RTLD_NEXT finds
 * nothing from a library that is loaded after the C library.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <lauxlib.h>

#include "harness.h"
#include "kernel.h"
#include "plant.h"

#ifndef SO_GET_FILTER
#define SO_GET_FILTER SO_ATTACH_FILTER
#endif

#define HERE __attribute__((visibility("hidden")))

enum { INSTRUCTION = 8, STACK = 8192 };

static struct {
    bool given;
    struct supply supply;
} answers;

static unsigned take_number(size_t bytes)
{
    unsigned number = 0;

    for (size_t i = 0; i < bytes; i++)
        number |= take_byte(&answers.supply) << 8 * i;
    return number;
}

/* Copy the number of bytes that comes next, or as many as fit. Returns how
 * many. */
static size_t take_into(void *buffer, size_t most, size_t size)
{
    const unsigned char *bytes = take_bytes(&answers.supply, &size);
    size_t copied = size < most ? size : most;

    if (copied > 0)
        memcpy(buffer, bytes, copied);
    return copied;
}

static bool fails(void)
{
    errno = (int)take_number(1);
    return errno != 0;
}

static int answer_value(void *value, socklen_t *length, size_t offered)
{
    bool failed = fails();

    *length = take_number(4);
    if (failed)
        return -1;
    take_into(value, offered, take_number(2));
    return 0;
}

/* ---- values ---- */

typedef int get_option(int fd, int level, int name, void *value,
                       socklen_t *length);
typedef int get_name(int fd, struct sockaddr *name, socklen_t *length);

HERE int getsockopt(int fd, int level, int name, void *restrict value,
                    socklen_t *restrict length)
{
    get_option *get;

    if (answers.given) {
        bool counted = level == SOL_SOCKET && name == SO_GET_FILTER;

        return answer_value(value, length,
                            (size_t)*length * (counted ? INSTRUCTION : 1));
    }
    *(void **)&get = dlsym(RTLD_DEFAULT, "getsockopt");
    return get(fd, level, name, value, length);
}

static int find_name(const char *call, int fd, struct sockaddr *name,
                     socklen_t *length)
{
    get_name *get;

    if (answers.given)
        return answer_value(name, length, *length);
    *(void **)&get = dlsym(RTLD_DEFAULT, call);
    return get(fd, name, length);
}

/* glibc declares these two with types that no other definition can have. */
HERE get_name find_own_name __asm__("getsockname");
HERE get_name find_peer_name __asm__("getpeername");

int find_own_name(int fd, struct sockaddr *name, socklen_t *length)
{
    return find_name("getsockname", fd, name, length);
}

int find_peer_name(int fd, struct sockaddr *name, socklen_t *length)
{
    return find_name("getpeername", fd, name, length);
}

/* ---- messages ---- */

#ifdef MSG_WAITFORONE

#ifdef __GLIBC__
typedef int call_flags;
#else
typedef unsigned call_flags;
#endif

typedef int receive_many(int fd, struct mmsghdr *messages, unsigned count,
                         call_flags flags, struct timespec *limit);

static void answer_message(struct mmsghdr *m, int fd, unsigned number)
{
    struct msghdr *header = &m->msg_hdr;
    size_t size;

    m->msg_len = take_number(2);
    header->msg_flags = (int)take_number(2);
    size = m->msg_len;
    if (size > header->msg_iov->iov_len)
        size = header->msg_iov->iov_len;
    memset(header->msg_iov->iov_base, (int)number, size);
    header->msg_namelen = (socklen_t)take_into(
        header->msg_name, header->msg_namelen, take_number(1));
    header->msg_controllen = (socklen_t)take_into(
        header->msg_control, header->msg_controllen, take_number(2));
    plant_descriptors(header, fd);
}

HERE int recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                  call_flags flags, struct timespec *limit)
{
    receive_many *receive;
    unsigned number;

    if (!answers.given) {
        *(void **)&receive = dlsym(RTLD_DEFAULT, "recvmmsg");
        return receive(fd, messages, count, flags, limit);
    }
    if (fails())
        return -1;
    number = take_number(1);
    if (number > count)
        number = count;
    for (unsigned i = 0; i < number; i++)
        answer_message(&messages[i], fd, i + 1);
    return (int)number;
}

#endif

/* ---- for scripts ---- */

/* Leaves other bytes on the stack each time: what a function returns without
 * having set it differs from call to call. */
static void change_stack(void)
{
    static unsigned char pattern;
    unsigned char bytes[STACK];

    memset(bytes, ++pattern, sizeof bytes);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

int kernel_answered(lua_State *L)
{
    long requests = (long)luaL_checkinteger(L, 2);
    int status;

    answers.supply = supply_of(L, 1);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_gc(L, LUA_GCSTOP);
    change_stack();
    answers.given = true;
    status = fuzz_starve(L, requests == 0 ? -1 : requests, lua_gettop(L) - 3,
                         LUA_MULTRET);
    answers.given = false;
    lua_gc(L, LUA_GCRESTART);
    lua_pushboolean(L, status == LUA_OK);
    lua_replace(L, 2);
    return lua_gettop(L) - 1;
}
