/*
 * batch: what recvmany and sendmany share.
 */
#ifndef SOCKEYE_MESSAGE_BATCH_H
#define SOCKEYE_MESSAGE_BATCH_H

#include <stddef.h>

#include <lua.h>

#include "task/wait.h"

#define BATCH 1024 /* messages of one system call (UIO_MAXIOV) */

/* This many messages cost a task's budget as much as one more call. */
#define BATCH_SHARE 64

static inline void batch_charge(const struct wait *w, size_t count)
{
    wait_charge(w, count / BATCH_SHARE);
}

#endif
