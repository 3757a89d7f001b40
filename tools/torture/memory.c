/*
 * memory: functions of the C library that give something which has to be freed.
 */
#include "plan.h"

#if TORTURE_AVAILABLE

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

/* Whether an allocation fails: the module's own, or one of the C library. */
static bool refuses(const void *caller)
{
    return torture_plan.armed &&
           (torture_in_module(caller) || torture_in_libc(caller)) &&
           torture_hit(CALL_malloc) != 0;
}

static void *note(void *block, const void *caller)
{
    if (block != NULL)
        torture_count(1, caller);
    return block;
}

void *malloc(size_t size)
{
    return refuses(CALLER) ? (errno = ENOMEM, NULL)
                           : note(__libc_malloc(size), CALLER);
}

void *calloc(size_t count, size_t size)
{
    return refuses(CALLER) ? (errno = ENOMEM, NULL)
                           : note(__libc_calloc(count, size), CALLER);
}

void *realloc(void *block, size_t size)
{
    if (refuses(CALLER))
        return errno = ENOMEM, NULL;
    return block == NULL ? note(__libc_realloc(NULL, size), CALLER)
                         : __libc_realloc(block, size);
}

void free(void *block)
{
    if (block != NULL)
        torture_count(-1, CALLER);
    __libc_free(block);
}

void *mmap(void *at, size_t size, int what, int flags, int fd, off_t offset)
{
    static __typeof__(mmap) *real;
    int error = torture_fault(CALL_mmap, CALLER);

    if (error != 0)
        return errno = error, MAP_FAILED;
    if (real == NULL)
        real = NEXT(mmap);
    at = real(at, size, what, flags, fd, offset);
    if (at != MAP_FAILED)
        note(at, CALLER);
    return at;
}

int munmap(void *at, size_t size)
{
    static __typeof__(munmap) *real;

    if (real == NULL)
        real = NEXT(munmap);
    torture_count(-1, CALLER);
    return real(at, size);
}

/* A call that gives something, and the one that frees it. The latter is not the
 * last call: the C library would free memory in its name. */
#define COUNTED(name, parameters, arguments, failure)   \
    int name parameters                                 \
    {                                                   \
        static __typeof__(name) *real;                  \
        int error = torture_fault(CALL_##name, CALLER); \
        int result;                                     \
                                                        \
        if (error != 0)                                 \
            return failure;                             \
        if (real == NULL)                               \
            real = NEXT(name);                          \
        result = real arguments;                        \
        if (result == 0)                                \
            torture_count(1, CALLER);                   \
        return result;                                  \
    }

#define FREED(type, name, of)          \
    type name(of thing)                \
    {                                  \
        static __typeof__(name) *real; \
                                       \
        if (real == NULL)              \
            real = NEXT(name);         \
        real(thing);                   \
        torture_count(-1, CALLER);     \
    }

/* clang-format off */
COUNTED(getaddrinfo, (const char *host, const char *service,
        const struct addrinfo *hints, struct addrinfo **list),
        (host, service, hints, list), (errno = EIO, error))
COUNTED(getifaddrs, (struct ifaddrs **list), (list), MINUS_ONE)
COUNTED(timer_create, (clockid_t clock, struct sigevent *event,
        timer_t *timer), (clock, event, timer), MINUS_ONE)
FREED(void, freeaddrinfo, struct addrinfo *)
FREED(void, freeifaddrs, struct ifaddrs *)
FREED(void, if_freenameindex, struct if_nameindex *)
/* clang-format on */

int timer_delete(timer_t timer)
{
    static __typeof__(timer_delete) *real;
    int error = torture_fault(CALL_timer_delete, CALLER);
    int result;

    if (real == NULL)
        real = NEXT(timer_delete);
    torture_count(-1, CALLER);
    result = real(timer);
    return error != 0 ? MINUS_ONE : result;
}

struct if_nameindex *if_nameindex(void)
{
    static __typeof__(if_nameindex) *real;
    int error = torture_fault(CALL_if_nameindex, CALLER);

    if (error != 0)
        return errno = error, NULL;
    if (real == NULL)
        real = NEXT(if_nameindex);
    return note(real(), CALLER);
}

#endif
