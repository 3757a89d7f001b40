/*
 * child: starts a program in a child process; see child.h.
 *
 * Follows vfork(2), execve(2), exec(3), signal(7), prctl(2). The child of
 * vfork(2) runs in this process's memory while the calling thread stands still,
 * so that starting a program costs the same however much memory there is, and a
 * step that fails in the child is reported by memory. Where a tool replaces
 * vfork(2) by fork(2), as valgrind does, it is reported by a pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/process.h"
#include "system/child.h"

#ifndef NSIG
#define NSIG 65
#endif

#define SHELL "/bin/sh"
#define USUAL_FOLDERS "/bin:/usr/bin" /* exec(3): where there is no PATH */

#ifndef __linux__ /* whose unistd.h declares it */
extern char **environ;
#endif

struct failure {
    const char *call; /* NULL: none */
    int error;
};

/* One start. The child writes to it, too. */
struct start {
    const struct child_plan *plan;
    struct failure failure;
    bool is_shared; /* the child has this process's memory */
    int report[2];  /* a pipe, for what the child reports */
    int reporter;   /* the child's end of it */
    pid_t parent;
};

/* ---- in the child ---- */

/* What fails here ends the child. Functions that are not async-signal-safe
 * (signal-safety(7)) must not be called. */

__attribute__((noreturn)) static void fail(struct start *s, const char *call,
                                           int error)
{
    struct failure failure = {call, error};
    ssize_t written;

    s->failure = failure;
    do
        written = write(s->reporter, &failure, sizeof failure);
    while (written == -1 && errno == EINTR);
    _exit(127);
}

/* A handler must not run here, where it would find this process's memory. */
static void reset_signals(void)
{
    struct sigaction action;
    struct sigaction usual = {.sa_handler = SIG_DFL};

    for (int number = 1; number < NSIG; number++) {
        if (sigaction(number, NULL, &action) == 0 &&
            (number == SIGPIPE ||
             (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)))
            sigaction(number, &usual, NULL);
    }
}

#ifdef PR_SET_PDEATHSIG
/* The parent may have ended before: then the signal is sent here. A parent in
 * another namespace has the number 0. */
static void set_death_signal(struct start *s)
{
    pid_t parent;

    if (s->plan->death_signal == 0)
        return;
    if (prctl(PR_SET_PDEATHSIG, s->plan->death_signal) == -1)
        fail(s, "prctl", errno);
    parent = getppid();
    if (parent != s->parent && parent != 0)
        kill(getpid(), s->plan->death_signal);
}
#else
static void set_death_signal(struct start *s)
{
    if (s->plan->death_signal != 0)
        fail(s, "prctl", ENOSYS);
}
#endif

/* Return a duplicate of the descriptor beyond the standard ones, which it could
 * be among. */
static int move_up(struct start *s, int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_STANDARD);

    if (moved == -1)
        fail(s, "fcntl", errno);
    return moved;
}

static void duplicate(struct start *s, int fd, int number)
{
    int result;

    do
        result = dup2(fd, number);
    while (result == -1 && errno == EINTR);
    if (result == -1)
        fail(s, "dup2", errno);
}

static int open_null(struct start *s, int flags)
{
    int fd;

    do
        fd = open("/dev/null", flags | O_CLOEXEC);
    while (fd == -1 && errno == EINTR);
    if (fd == -1)
        fail(s, "open", errno);
    return fd;
}

/* Return the descriptor that becomes `number`, beyond the standard ones. */
static int open_source(struct start *s, int number)
{
    int fd = s->plan->standard[number];

    if (fd == CHILD_NULL)
        fd = open_null(s, number == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    return fd >= 0 && fd < CHILD_STANDARD ? move_up(s, fd) : fd;
}

static void place_descriptors(struct start *s)
{
    int source[CHILD_STANDARD];

    if (s->reporter < CHILD_STANDARD)
        s->reporter = move_up(s, s->reporter);
    for (int i = 0; i < CHILD_STANDARD; i++)
        source[i] = open_source(s, i);
    for (int i = 0; i < CHILD_STANDARD; i++) {
        int fd = source[i] == CHILD_OUTPUT ? STDOUT_FILENO : source[i];

        if (fd != CHILD_INHERITS)
            duplicate(s, fd, i);
    }
}

/* Run the program at `path`; a file without a header is a script of the
 * shell. */
static void run_path(const struct child_plan *plan, char *path)
{
    char *const *env = plan->env != NULL ? plan->env : environ;
    char **argv = plan->argv;

    execve(path, argv, env);
    if (errno != ENOEXEC)
        return;
    argv[-1] = (char *)SHELL;
    argv[0] = path;
    execve(SHELL, argv - 1, env);
}

/* Whether the program may be in another folder, after this error. */
static bool goes_on(int error)
{
    return error == EACCES || error == ENOENT || error == ENOTDIR ||
           error == ESTALE || error == ENODEV || error == ETIMEDOUT;
}

/* Write the path of the file in the first folder of the list to `path`. An empty
 * name of a folder is the current one. Returns the rest of the list; NULL: there
 * is none. */
static const char *join(char *path, const char *folders, const char *file)
{
    const char *end = folders + strcspn(folders, ":");
    size_t length = (size_t)(end - folders);

    memcpy(path, folders, length);
    if (length > 0)
        path[length++] = '/';
    memcpy(path + length, file, strlen(file) + 1);
    return *end == ':' ? end + 1 : NULL;
}

/* Run the program; return errno. */
static int run_program(const struct child_plan *plan)
{
    const char *folders = plan->folders;
    bool is_denied = false;

    if (strchr(plan->file, '/') != NULL) {
        run_path(plan, (char *)plan->file);
        return errno;
    }
    while (folders != NULL && *plan->file != '\0') {
        folders = join(plan->path, folders, plan->file);
        run_path(plan, plan->path);
        if (!goes_on(errno))
            return errno;
        is_denied |= errno == EACCES;
    }
    return is_denied ? EACCES : ENOENT;
}

__attribute__((noreturn)) static void run_child(struct start *s)
{
    const struct child_plan *plan = s->plan;
    sigset_t none;

    s->is_shared = true;
    reset_signals();
    set_death_signal(s);
    place_descriptors(s);
    if (plan->folder != NULL && chdir(plan->folder) == -1)
        fail(s, "chdir", errno);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    fail(s, "execve", run_program(plan));
}

/* ---- in this process ---- */

size_t child_path_size(const char *folders, const char *file)
{
    return strlen(folders) + strlen(file) + 2;
}

const char *child_folders(void)
{
    const char *folders = getenv("PATH");

    return folders != NULL ? folders : USUAL_FOLDERS;
}

/* The function that calls vfork(2) must have no variables that change, and must
 * not return in the child. */
__attribute__((noinline)) static pid_t make_child(struct start *s)
{
    pid_t pid = vfork();

    if (pid == 0)
        run_child(s);
    return pid;
}

/* Every signal is blocked from before the child begins until it has reset the
 * handlers. */
static pid_t make_child_blocked(struct start *s)
{
    sigset_t every, before;
    pid_t pid;
    int error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pid = make_child(s);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

/* A child with memory of its own closes the pipe when it runs the program. */
static void read_report(struct start *s)
{
    ssize_t n;

    if (s->is_shared)
        return;
    do
        n = read(s->report[0], &s->failure, sizeof s->failure);
    while (n == -1 && errno == EINTR);
    if (n != sizeof s->failure)
        s->failure = (struct failure){NULL, 0};
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
        continue;
}

/* The child may hold descriptors of sockets of this process, as a forked one
 * does: so it is counted. */
static pid_t finish(struct start *s, pid_t pid, const char **call)
{
    if (pid == -1) {
        *call = "vfork";
        return -1;
    }
    if (s->failure.call != NULL) {
        reap(pid);
        *call = s->failure.call;
        errno = s->failure.error;
        return -1;
    }
    atomic_fetch_add_explicit(&process_children, 1, memory_order_relaxed);
    return pid;
}

pid_t child_start(const struct child_plan *plan, const char **call)
{
    struct start s = {.plan = plan, .parent = getpid()};
    pid_t pid;
    int error;

    if (pipe2(s.report, O_CLOEXEC) == -1) {
        *call = "pipe";
        return -1;
    }
    s.reporter = s.report[1];
    pid = make_child_blocked(&s);
    error = errno;
    close(s.report[1]);
    if (pid != -1)
        read_report(&s);
    close(s.report[0]);
    errno = error;
    return finish(&s, pid, call);
}

#ifdef SYS_pidfd_open
int child_open(pid_t pid)
{
    return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}
#else
int child_open(pid_t pid)
{
    (void)pid;
    return -1;
}
#endif

#ifdef SYS_pidfd_send_signal
int child_signal(int fd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}
#else
int child_signal(int fd, int number)
{
    (void)fd;
    (void)number;
    errno = ENOSYS;
    return -1;
}
#endif
