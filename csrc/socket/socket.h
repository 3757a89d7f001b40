/*
 * socket: the userdata that owns a descriptor.
 *
 * Create it, closed, before its descriptor, so that no error of the system or
 * of Lua's allocator can leak one:
 *
 *     struct socket *s = socket_new(L);
 *     ...
 *     s->handle.fd = fd;
 *     socket_note_open(L, s);
 */
#ifndef SOCKEYE_SOCKET_SOCKET_H
#define SOCKEYE_SOCKET_SOCKET_H

#include <stdatomic.h>
#include <stdint.h>

#include <lua.h>

#include "base/argument.h"
#include "base/names.h"
#include "task/wait.h"

struct socket {
    const void *tag; /* into socket_tag: see there */
    struct handle handle;
    int family;               /* AF_UNSPEC: the descriptor is no socket */
    int type;                 /* SOCK_STREAM, …; 0: it is no socket */
    int protocol;             /* in host byte order */
    bool is_adopted;          /* its earlier use is unknown */
    bool is_shared;           /* others have been given its open file */
    bool accepts_nonblocking; /* accept has set O_NONBLOCK */
    unsigned numbers;         /* socket_numbers when the above was learnt */
    bool nodelay;             /* a stream has set TCP_NODELAY */
};

/* What marks a socket's memory: the first place, or the second for a socket with
 * a time-out. */
extern const char socket_tag[2] __attribute__((visibility("hidden")));
extern const struct names socket_type_names;

/* Push a closed socket. */
struct socket *socket_new(lua_State *L);

/* Call when the socket owns its descriptor: sockeye.sockets lists it from then
 * on. That of the module's own, which a script never holds, is left out. */
void socket_note_open(lua_State *L, const struct socket *s);

/* Sockets that were seen lately, by their addresses, of which NULL is none: what
 * lua_touserdata returns and has one of these is a socket, or stands where one
 * was whose finalizer Lua could not call. States in other threads share the
 * table: they put in and find sockets of their own. */
#define SOCKETS_SEEN 64

extern _Atomic(const struct socket *) sockets_seen[SOCKETS_SEEN];

static inline _Atomic(const struct socket *) *socket_place(const void *s)
{
    return &sockets_seen[(uintptr_t)s / 16 % SOCKETS_SEEN];
}

static inline bool socket_is_seen(const struct socket *s)
{
    return s == atomic_load_explicit(socket_place(s), memory_order_relaxed);
}

static inline bool socket_has_tag(const struct socket *s)
{
    return (uintptr_t)s->tag - (uintptr_t)socket_tag < sizeof socket_tag;
}

/* For socket_test: the socket `s` at `arg`, which is seen from now on; or NULL
 * if it is none. */
struct socket *socket_test_unseen(lua_State *L, int arg, struct socket *s);

/* The socket at `arg`, or NULL. One that was seen lately takes a few
 * instructions; luaL_testudata would look up the registry on every call. */
static inline struct socket *socket_test(lua_State *L, int arg)
{
    struct socket *s = lua_touserdata(L, arg);

    return socket_is_seen(s) && socket_has_tag(s)
               ? s
               : socket_test_unseen(L, arg, s);
}

void socket_set_timeout(struct socket *s, int64_t nanoseconds);

/* The socket at `arg`, else argument error. */
struct socket *socket_check(lua_State *L, int arg);

/* For socket_check_open: raise why there is no open socket at `arg`. */
struct socket *socket_reject(lua_State *L, int arg, const char *call);

/* The socket at `arg`. Raises an argument error if it is none, EBADF in the
 * name of `call` if it is closed. */
static inline struct socket *socket_check_open(lua_State *L, int arg,
                                               const char *call)
{
    struct socket *s = socket_test(L, arg);

    return s != NULL && s->handle.fd != -1 ? s : socket_reject(L, arg, call);
}

/* The socket at `arg` for a step of a call. Only the first step raises EBADF:
 * in later ones the socket may have been closed meanwhile, which wait_again
 * reports. */
static inline struct socket *socket_check_waiting(lua_State *L, int arg,
                                                  const char *call,
                                                  lua_KContext context)
{
    return context == WAIT_FIRST ? socket_check_open(L, arg, call)
                                 : lua_touserdata(L, arg);
}

/* For the fast paths alone, in which nothing but the kernel writes to memory on
 * the stack, and not beyond the size that it is given: they need no check of the
 * stack on return. */
#ifdef __has_attribute
#if __has_attribute(no_stack_protector)
#define FAST_PATH __attribute__((no_stack_protector))
#endif
#endif
#ifndef FAST_PATH
#define FAST_PATH
#endif

/* For fast_path_socket: the socket of a call, unless it has a time-out; or
 * NULL. Inlined, it would cost the fast path a register. */
__attribute__((noinline)) const struct socket *socket_test_plain(lua_State *L);

/* Fast path, for most calls: the socket of a call outside of tasks, without a
 * time-out, with exactly `values` arguments, itself first. The call may block
 * in the kernel, which reports EBADF for a closed one. NULL otherwise: the
 * general path reports what is wrong. */
static inline const struct socket *fast_path_socket(lua_State *L, int values)
{
    const struct socket *s;

    if (!loop_is_idle())
        return NULL;
    s = lua_touserdata(L, 1);
    if ((!socket_is_seen(s) || s->tag != &socket_tag[0]) &&
        (s = socket_test_plain(L)) == NULL)
        return NULL;
    return lua_gettop(L) == values ? s : NULL;
}

/* Close the socket. Returns zero or errno. */
int socket_end(lua_State *L, struct socket *s);

/* Ask the system for family, type and protocol of an adopted descriptor; they
 * stay zero if it is no socket. Returns zero or errno. */
int socket_learn(struct socket *s);

/* How often dup2(2) has put another open file behind a descriptor's number.
 * What a socket knows of its own number may be wrong since. */
extern atomic_uint socket_numbers;

static inline void socket_note_replaced(void)
{
    atomic_fetch_add_explicit(&socket_numbers, 1, memory_order_relaxed);
}

static inline bool socket_is_current(const struct socket *s)
{
    return s->numbers ==
           atomic_load_explicit(&socket_numbers, memory_order_relaxed);
}

/* For socket_refresh: learn again what stands behind the number. */
void socket_relearn(struct socket *s);

/* Call before memory is trusted to hold what the family or the type of the
 * socket promises. */
static inline void socket_refresh(struct socket *s)
{
    if (!socket_is_current(s))
        socket_relearn(s);
}

/* Add another file's methods to the type of sockets. */
void socket_add_methods(lua_State *L, const luaL_Reg *methods);

#endif
