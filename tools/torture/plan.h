/*
 * plan: which call is to fail, and what its wrapper needs.
 *
 * The files of this folder make a library that is preloaded (LD_PRELOAD): it
 * stands before the functions of the C library that the module calls, counts
 * the calls that the module makes, and makes some fail. module.c is how Lua
 * directs it. Where there is no glibc of 64 bits, nothing of it is built.
 */
#ifndef TORTURE_PLAN_H
#define TORTURE_PLAN_H

#pragma GCC visibility push(default)

#include <features.h>

#if defined(__GLIBC__) && defined(__LP64__)
#define TORTURE_AVAILABLE 1
#else
#define TORTURE_AVAILABLE 0
#endif

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <stddef.h>

/* Each call that can fail. */
/* clang-format off */
#define CALLS(X) \
    X(accept4) X(bind) X(chdir) X(chmod) X(close) X(connect) X(dup) X(dup2) \
    X(dup3) X(epoll_create1) X(epoll_ctl) X(epoll_pwait2) X(epoll_wait) \
    X(eventfd) X(execv) X(execve) X(execvp) X(fchmod) X(fchmodat) X(fcntl) \
    X(flock) X(fork) X(fstat) X(fstatat) X(getaddrinfo) X(getgrnam_r) \
    X(gethostbyaddr_r) X(gethostname) X(getifaddrs) X(getnameinfo) \
    X(getpeername) X(getprotobyname_r) X(getprotobynumber_r) X(getpwnam_r) \
    X(getrlimit) X(getservbyname_r) X(getservbyport_r) X(getsockname) \
    X(getsockopt) X(if_indextoname) X(if_nameindex) X(if_nametoindex) \
    X(ioctl) X(kill) X(listen) X(lseek) X(lstat) X(malloc) X(mmap) \
    X(nanosleep) X(open) X(openat) X(pipe2) X(poll) X(ppoll) X(prctl) \
    X(pread) X(preadv2) X(pthread_create) X(pwrite) X(pwritev2) X(read) \
    X(readv) X(recv) X(recvfrom) X(recvmmsg) X(recvmsg) X(send) X(sendfile) \
    X(sendmmsg) X(sendmsg) X(sendto) X(setgid) X(setgroups) X(sethostname) \
    X(setrlimit) X(setsid) X(setsockopt) X(setuid) X(shutdown) X(sigaction) \
    X(sigpending) X(sigtimedwait) X(socket) X(socketpair) X(splice) X(stat) \
    X(syscall) X(timer_create) X(timer_delete) X(timer_settime) X(unlink) \
    X(unlinkat) X(waitpid) X(write) X(writev)
/* clang-format on */

#define ENTRY(name) CALL_##name,
enum call { CALLS(ENTRY) CALL_COUNT };
#undef ENTRY

/* Each call's name, in the order of enum call. */
extern const char *const torture_names[CALL_COUNT];

/* What is to fail: the calls number `first` to `last` of `call`. */
struct plan {
    atomic_bool armed;
    bool shortened; /* reads and writes are of single bytes */
    bool signalled; /* EINTR comes with a SIGUSR1 */
    pid_t process;  /* which gets it: a child of vfork(2) has no handler */
    int call, error;
    int first, last;
    atomic_int counts[CALL_COUNT]; /* calls since it was armed */
    atomic_int fired;              /* faults since it was armed */
    atomic_int blocks;             /* what the module has not yet freed */
};

extern struct plan torture_plan;

/* Find the code of the module and of the C library. Returns whether both are loaded. */
bool torture_find_code(void);

/* Whether the address is in the code of the module, or of the C library. */
bool torture_in_module(const void *address);
bool torture_in_libc(const void *address);

/* Counts the call. Returns the errno with which it has to fail, or 0. */
int torture_hit(enum call call);

/* As torture_hit, unless the caller is not the module. */
int torture_fault(enum call call, const void *caller);

/* Adds to the blocks, if the caller is the module. */
void torture_count(int difference, const void *caller);

#define CALLER __builtin_return_address(0)
#define NEXT(name) (__extension__(__typeof__(name) *) dlsym(RTLD_NEXT, #name))
#define MINUS_ONE (errno = error, -1)

/* The function `name`, whose failure is an expression with `error`. */
#define FUNCTION(type, name, parameters, arguments, failure) \
    type name parameters                                     \
    {                                                        \
        static __typeof__(name) *real;                       \
        int error = torture_fault(CALL_##name, CALLER);      \
                                                             \
        if (error != 0)                                      \
            return failure;                                  \
        if (real == NULL)                                    \
            real = NEXT(name);                               \
        return real arguments;                               \
    }

#endif
