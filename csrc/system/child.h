/*
 * child: starts a program in a child process, without a copy of this one.
 *
 * Nothing here calls Lua. No handler of pthread_atfork(3), no `<close>` variable
 * and no finalizer runs in the child.
 */
#ifndef SOCKEYE_SYSTEM_CHILD_H
#define SOCKEYE_SYSTEM_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a standard descriptor of the child is, if not a descriptor of this
 * process: the same as here; /dev/null; what its standard output is. */
enum { CHILD_INHERITS = -1, CHILD_NULL = -2, CHILD_OUTPUT = -3 };

#define CHILD_STANDARD 3 /* input, output and error output */

struct child_plan {
    const char *file;    /* the program: looked for in `folders`, unless its
                            name contains a slash */
    const char *folders; /* as PATH has them */
    char *path;          /* memory for the longest path: child_path_size */
    char **argv;        /* with a free place before the first (system/argv.h) */
    char *const *env;   /* NULL: that of this process */
    const char *folder; /* where it runs; NULL: where this process does */
    int death_signal;   /* sent when its parent ends; 0: none */
    int standard[CHILD_STANDARD];
};

/* How much memory `path` needs. */
size_t child_path_size(const char *folders, const char *file);

/* Return the folders in which this process looks for programs. */
const char *child_folders(void);

/* Start the program. The signal mask of the child is empty, and SIGPIPE and
 * every signal that is handled here has its default action. Returns the id of the
 * child; or -1, with errno set and the call that failed in *call: then there is
 * no child. */
pid_t child_start(const struct child_plan *plan, const char **call);

/* Return a descriptor that is readable when the child has ended; -1: none. */
int child_open(pid_t pid);

/* Send the child of that descriptor a signal. Returns 0; or -1, with errno set:
 * ESRCH if it has ended and was waited for, whoever has its id by then. */
int child_signal(int fd, int number);

#endif
