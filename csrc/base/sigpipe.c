/*
 * sigpipe: suppresses SIGPIPE during a call; see sigpipe.h and signal(7).
 */
#include <errno.h>
#include <time.h>

#include "base/sigpipe.h"

void sigpipe_block(struct sigpipe_state *q)
{
    sigset_t pipe_signal, pending;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    q->was_pending =
        sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &q->before);
}

void sigpipe_restore(const struct sigpipe_state *q, bool may_have_come)
{
    const struct timespec at_once = {0, 0};
    int error = errno;
    sigset_t pipe_signal;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    if (may_have_come && !q->was_pending)
        while (sigtimedwait(&pipe_signal, NULL, &at_once) == -1 &&
               errno == EINTR)
            continue;
    pthread_sigmask(SIG_SETMASK, &q->before, NULL);
    errno = error;
}
