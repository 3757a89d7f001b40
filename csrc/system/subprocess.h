/*
 * subprocess: the type Process, of programs in child processes.
 */
#ifndef SOCKEYE_SYSTEM_SUBPROCESS_H
#define SOCKEYE_SYSTEM_SUBPROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include <lua.h>

#include "system/child.h"
#include "task/wait.h"

/* User values 1 to CHILD_STANDARD: the streams. */
struct subprocess {
    pid_t pid;          /* 0: none was started */
    int fd;             /* a descriptor of the child, until it is over; or -1 */
    unsigned parent;    /* process_number of the process that has started it */
    bool has_ended;     /* and was waited for here */
    bool is_lost;       /* it is no child of this process (any more) */
    int status;         /* of waitpid(2), once it has ended */
    struct handle none; /* stands for the child where no descriptor does */
};

/* Push one that is still to be started. */
struct subprocess *subprocess_new(lua_State *L);

/* It has been started, with that id. */
void subprocess_begin(struct subprocess *p, pid_t pid);

#endif
