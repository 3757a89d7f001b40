/*
 * calls: functions of the C library that only fail or do their work.
 */
#include "plan.h"

#if TORTURE_AVAILABLE

#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* clang-format off */
FUNCTION(int, accept4, (int fd, __SOCKADDR_ARG a, socklen_t *n, int flags),
         (fd, a, n, flags), MINUS_ONE)
FUNCTION(int, bind, (int fd, __CONST_SOCKADDR_ARG a, socklen_t n), (fd, a, n),
         MINUS_ONE)
FUNCTION(int, chdir, (const char *path), (path), MINUS_ONE)
FUNCTION(int, chmod, (const char *path, mode_t mode), (path, mode), MINUS_ONE)
FUNCTION(int, dup, (int fd), (fd), MINUS_ONE)
FUNCTION(int, dup2, (int fd, int to), (fd, to), MINUS_ONE)
FUNCTION(int, dup3, (int fd, int to, int flags), (fd, to, flags), MINUS_ONE)
FUNCTION(int, epoll_create1, (int flags), (flags), MINUS_ONE)
FUNCTION(int, epoll_ctl, (int fd, int op, int of, struct epoll_event *event),
         (fd, op, of, event), MINUS_ONE)
FUNCTION(int, epoll_pwait2, (int fd, struct epoll_event *list, int n,
         const struct timespec *t, const sigset_t *set),
         (fd, list, n, t, set), MINUS_ONE)
FUNCTION(int, epoll_wait, (int fd, struct epoll_event *list, int n, int t),
         (fd, list, n, t), MINUS_ONE)
FUNCTION(int, eventfd, (unsigned value, int flags), (value, flags), MINUS_ONE)
FUNCTION(int, execv, (const char *path, char *const argv[]), (path, argv),
         MINUS_ONE)
FUNCTION(int, execve, (const char *path, char *const argv[],
         char *const envp[]), (path, argv, envp), MINUS_ONE)
FUNCTION(int, execvp, (const char *path, char *const argv[]), (path, argv),
         MINUS_ONE)
FUNCTION(int, fchmod, (int fd, mode_t mode), (fd, mode), MINUS_ONE)
FUNCTION(int, fchmodat, (int fd, const char *path, mode_t mode, int flags),
         (fd, path, mode, flags), MINUS_ONE)
FUNCTION(int, flock, (int fd, int what), (fd, what), MINUS_ONE)
FUNCTION(pid_t, fork, (void), (), MINUS_ONE)
FUNCTION(int, fstat, (int fd, struct stat *st), (fd, st), MINUS_ONE)
FUNCTION(int, fstatat, (int fd, const char *path, struct stat *st, int flags),
         (fd, path, st, flags), MINUS_ONE)
FUNCTION(int, getgrnam_r, (const char *name, struct group *to, char *buffer,
         size_t n, struct group **result), (name, to, buffer, n, result),
         (*result = NULL, error))
FUNCTION(int, gethostbyaddr_r, (const void *a, socklen_t n, int family,
         struct hostent *to, char *buffer, size_t m, struct hostent **result,
         int *h_error), (a, n, family, to, buffer, m, result, h_error),
         (*result = NULL, *h_error = NETDB_INTERNAL, error))
FUNCTION(int, gethostname, (char *name, size_t n), (name, n), MINUS_ONE)
FUNCTION(int, getnameinfo, (const struct sockaddr *a, socklen_t n, char *host,
         socklen_t h, char *service, socklen_t s, int flags),
         (a, n, host, h, service, s, flags), (errno = EIO, error))
FUNCTION(int, getpwnam_r, (const char *name, struct passwd *to, char *buffer,
         size_t n, struct passwd **result), (name, to, buffer, n, result),
         (*result = NULL, error))
FUNCTION(int, getrlimit, (__rlimit_resource_t what, struct rlimit *to),
         (what, to), MINUS_ONE)
FUNCTION(int, getprotobyname_r, (const char *name, struct protoent *to,
         char *buffer, size_t n, struct protoent **result),
         (name, to, buffer, n, result), (*result = NULL, error))
FUNCTION(int, getprotobynumber_r, (int number, struct protoent *to,
         char *buffer, size_t n, struct protoent **result),
         (number, to, buffer, n, result), (*result = NULL, error))
FUNCTION(int, getservbyname_r, (const char *name, const char *protocol,
         struct servent *to, char *buffer, size_t n, struct servent **result),
         (name, protocol, to, buffer, n, result), (*result = NULL, error))
FUNCTION(int, getservbyport_r, (int port, const char *protocol,
         struct servent *to, char *buffer, size_t n, struct servent **result),
         (port, protocol, to, buffer, n, result), (*result = NULL, error))
FUNCTION(int, getpeername, (int fd, __SOCKADDR_ARG a, socklen_t *n),
         (fd, a, n), MINUS_ONE)
FUNCTION(int, getsockname, (int fd, __SOCKADDR_ARG a, socklen_t *n),
         (fd, a, n), MINUS_ONE)
FUNCTION(int, getsockopt, (int fd, int level, int name, void *value,
         socklen_t *n), (fd, level, name, value, n), MINUS_ONE)
FUNCTION(char *, if_indextoname, (unsigned index, char name[IF_NAMESIZE]),
         (index, name),
         (errno = error, NULL))
FUNCTION(unsigned, if_nametoindex, (const char *name), (name),
         (errno = error, 0))
FUNCTION(int, kill, (pid_t pid, int number), (pid, number), MINUS_ONE)
FUNCTION(int, listen, (int fd, int backlog), (fd, backlog), MINUS_ONE)
FUNCTION(off_t, lseek, (int fd, off_t offset, int whence),
         (fd, offset, whence), MINUS_ONE)
FUNCTION(int, lstat, (const char *path, struct stat *st), (path, st),
         MINUS_ONE)
FUNCTION(int, nanosleep, (const struct timespec *t, struct timespec *left),
         (t, left), (left != NULL ? (void)(*left = *t) : (void)0, MINUS_ONE))
FUNCTION(int, pipe2, (int fds[2], int flags), (fds, flags), MINUS_ONE)
FUNCTION(int, poll, (struct pollfd *list, nfds_t n, int t), (list, n, t),
         MINUS_ONE)
FUNCTION(int, ppoll, (struct pollfd *list, nfds_t n, const struct timespec *t,
         const sigset_t *set), (list, n, t, set), MINUS_ONE)
FUNCTION(ssize_t, pread, (int fd, void *to, size_t n, off_t at),
         (fd, to, n, at), MINUS_ONE)
FUNCTION(int, pthread_create, (pthread_t *thread, const pthread_attr_t *how,
         void *(*f)(void *), void *data), (thread, how, f, data), error)
FUNCTION(ssize_t, preadv2, (int fd, const struct iovec *iov, int n, off_t at,
         int flags), (fd, iov, n, at, flags), MINUS_ONE)
FUNCTION(ssize_t, pwritev2, (int fd, const struct iovec *iov, int n, off_t at,
         int flags), (fd, iov, n, at, flags), MINUS_ONE)
FUNCTION(int, recvmmsg, (int fd, struct mmsghdr *list, unsigned n, int flags,
         struct timespec *t), (fd, list, n, flags, t), MINUS_ONE)
FUNCTION(int, sendmmsg, (int fd, struct mmsghdr *list, unsigned n, int flags),
         (fd, list, n, flags), MINUS_ONE)
FUNCTION(int, setgid, (gid_t group), (group), MINUS_ONE)
FUNCTION(int, setgroups, (size_t n, const gid_t *list), (n, list), MINUS_ONE)
FUNCTION(int, sethostname, (const char *name, size_t n), (name, n), MINUS_ONE)
FUNCTION(int, setrlimit, (__rlimit_resource_t what, const struct rlimit *to),
         (what, to), MINUS_ONE)
FUNCTION(pid_t, setsid, (void), (), MINUS_ONE)
FUNCTION(int, setuid, (uid_t user), (user), MINUS_ONE)
FUNCTION(int, setsockopt, (int fd, int level, int name, const void *value,
         socklen_t n), (fd, level, name, value, n), MINUS_ONE)
FUNCTION(int, shutdown, (int fd, int how), (fd, how), MINUS_ONE)
FUNCTION(int, sigaction, (int number, const struct sigaction *new,
         struct sigaction *old), (number, new, old), MINUS_ONE)
FUNCTION(int, sigpending, (sigset_t *set), (set), MINUS_ONE)
FUNCTION(int, socket, (int family, int kind, int protocol),
         (family, kind, protocol), MINUS_ONE)
FUNCTION(int, socketpair, (int family, int kind, int protocol, int fds[2]),
         (family, kind, protocol, fds), MINUS_ONE)
FUNCTION(int, stat, (const char *path, struct stat *st), (path, st),
         MINUS_ONE)
FUNCTION(int, timer_settime, (timer_t timer, int flags,
         const struct itimerspec *new, struct itimerspec *old),
         (timer, flags, new, old), MINUS_ONE)
FUNCTION(int, unlink, (const char *path), (path), MINUS_ONE)
FUNCTION(int, unlinkat, (int fd, const char *path, int flags),
         (fd, path, flags), MINUS_ONE)
FUNCTION(pid_t, waitpid, (pid_t pid, int *status, int flags),
         (pid, status, flags), MINUS_ONE)
/* clang-format on */

/* ---- calls with more arguments than they declare ---- */

int fcntl(int fd, int command, ...)
{
    static __typeof__(fcntl) *real;
    int error = torture_fault(CALL_fcntl, CALLER);
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    if (real == NULL)
        real = NEXT(fcntl);
    return error != 0 ? MINUS_ONE : real(fd, command, argument);
}

int ioctl(int fd, unsigned long request, ...)
{
    static __typeof__(ioctl) *real;
    int error = torture_fault(CALL_ioctl, CALLER);
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if (real == NULL)
        real = NEXT(ioctl);
    return error != 0 ? MINUS_ONE : real(fd, request, argument);
}

int open(const char *path, int flags, ...)
{
    static __typeof__(open) *real;
    int error = torture_fault(CALL_open, CALLER);
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
    if (real == NULL)
        real = NEXT(open);
    return error != 0 ? MINUS_ONE : real(path, flags, mode);
}

int prctl(int option, ...)
{
    static __typeof__(prctl) *real;
    int error = torture_fault(CALL_prctl, CALLER);
    va_list list;
    unsigned long argument;

    va_start(list, option);
    argument = va_arg(list, unsigned long);
    va_end(list);
    if (real == NULL)
        real = NEXT(prctl);
    return error != 0 ? MINUS_ONE : real(option, argument, 0, 0, 0);
}

/* What a call of open without a mode may become, where clang hardens it. */
int open_without_mode(const char *path, int flags) __asm__("__open64_2");

int open_without_mode(const char *path, int flags)
{
    int error = torture_fault(CALL_open, CALLER);

    return error != 0 ? MINUS_ONE : open(path, flags, 0);
}

/* What a call of poll or ppoll may become there: `size` is that of the list. */
int poll_checked(struct pollfd *list, nfds_t n, int t,
                 size_t size) __asm__("__poll_chk");
int ppoll_checked(struct pollfd *list, nfds_t n, const struct timespec *t,
                  const sigset_t *mask, size_t size) __asm__("__ppoll_chk");

int poll_checked(struct pollfd *list, nfds_t n, int t, size_t size)
{
    int error = torture_fault(CALL_poll, CALLER);

    (void)size;
    return error != 0 ? MINUS_ONE : poll(list, n, t);
}

int ppoll_checked(struct pollfd *list, nfds_t n, const struct timespec *t,
                  const sigset_t *mask, size_t size)
{
    int error = torture_fault(CALL_ppoll, CALLER);

    (void)size;
    return error != 0 ? MINUS_ONE : ppoll(list, n, t, mask);
}

int openat(int folder, const char *path, int flags, ...)
{
    static __typeof__(openat) *real;
    int error = torture_fault(CALL_openat, CALLER);
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
    if (real == NULL)
        real = NEXT(openat);
    return error != 0 ? MINUS_ONE : real(folder, path, flags, mode);
}

long syscall(long number, ...)
{
    static __typeof__(syscall) *real;
    int error = torture_fault(CALL_syscall, CALLER);
    va_list list;
    long a[6];

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (real == NULL)
        real = NEXT(syscall);
    return error != 0 ? MINUS_ONE
                      : real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- calls that have done their work when they fail ---- */

int close(int fd)
{
    static __typeof__(close) *real;
    int error = torture_fault(CALL_close, CALLER);

    if (real == NULL)
        real = NEXT(close);
    if (error == 0)
        return real(fd);
    real(fd);
    return MINUS_ONE;
}

/* A signal that has come is no more there. */
int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *t)
{
    static __typeof__(sigtimedwait) *real;
    int error = torture_fault(CALL_sigtimedwait, CALLER);

    if (real == NULL)
        real = NEXT(sigtimedwait);
    if (error == 0)
        return real(set, info, t);
    if (error != EINTR)
        real(set, info, t);
    return MINUS_ONE;
}

/* What is interrupted or in progress goes on by itself. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    static __typeof__(connect) *real;
    int error = torture_fault(CALL_connect, CALLER);

    if (real == NULL)
        real = NEXT(connect);
    if (error == 0)
        return real(fd, address, length);
    if (error == EINTR || error == EINPROGRESS || error == EALREADY)
        real(fd, address, length);
    return MINUS_ONE;
}

#endif
