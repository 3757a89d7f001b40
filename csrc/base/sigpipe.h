/*
 * sigpipe: suppresses SIGPIPE during calls that have no MSG_NOSIGNAL.
 */
#ifndef SOCKEYE_BASE_SIGPIPE_H
#define SOCKEYE_BASE_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe_state {
    bool was_pending;
    sigset_t before;
};

/* Block SIGPIPE in this thread. */
void sigpipe_block(struct sigpipe_state *q);

/* Restore the mask. If one `may_have_come`, first discard a SIGPIPE that came
 * in between. Keeps errno. */
void sigpipe_restore(const struct sigpipe_state *q, bool may_have_come);

#endif
