/*
 * output: bytes that a stream has written but not yet sent; see output.h.
 * Follows send(2).
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/nowait.h"
#include "base/process.h"
#include "loop/output.h"
#include "loop/state.h"

#define ATTEMPTS 16 /* before other tasks get a turn */

/* How long the end of the process waits for a peer that takes nothing, where the
 * stream has no time-out. */
#define PATIENCE (5 * NANOSECONDS)

/* Make one attempt to send. Returns 0 if some bytes were sent and more may
 * follow; or errno. A pipe that is full by now is EAGAIN. */
static int send_some(struct output *o, int flags)
{
    struct block *b = o->pending;
    const char *bytes = b->bytes + b->start;
    size_t size = b->end - b->start;
    int fd = o->handle->fd;
    bool is_full = false;
    ssize_t n;

    if (fd == -1)
        return EBADF;
    if (!o->is_socket && (flags & MSG_DONTWAIT))
        n = nowait_write(fd, bytes, size, &is_full);
    else
        n = descriptor_write(fd, o->is_socket, bytes, size, flags);
    if (n == -1)
        return errno == EWOULDBLOCK ? EAGAIN : errno;
    block_consume(&o->pending, o->pool, (size_t)n);
    return is_full ? EAGAIN : 0;
}

void output_own(struct output *o)
{
    if (o->process == process_number)
        return;
    o->process = process_number;
    output_drop(o);
}

int output_send_once(struct output *o, int flags)
{
    int error;

    output_own(o);
    error = o->error;
    if (error == 0 && o->pending != NULL)
        error = send_some(o, flags);
    if (error == 0 && o->pending == NULL)
        output_leave(o);
    return error;
}

int output_send(struct output *o, int flags)
{
    int error;

    do
        error = output_send_once(o, flags);
    while (error == 0 && o->pending != NULL);
    return error;
}

/* Make a few attempts to send without waiting. Returns 0 when all is sent; or
 * errno. If the peer could still take more, that is EAGAIN too, and the poller
 * is asked anew when it can: it reports only changes. */
static int send_a_few(struct output *o)
{
    int error = 0;

    for (int i = 0; i < ATTEMPTS; i++) {
        error = output_send_once(o, MSG_DONTWAIT);
        if (error == 0 ? o->pending == NULL : error != EINTR)
            return error;
    }
    o->handle->registration.watched &= ~POLLOUT;
    return EAGAIN;
}

void output_drop(struct output *o)
{
    o->error = 0;
    o->timed_out = false;
    block_drop(&o->pending, o->pool);
    output_leave(o);
}

void output_join(struct output *o, struct output **list)
{
    if (o->place != NULL)
        return;
    o->next = *list;
    o->place = list;
    if (o->next != NULL)
        o->next->place = &o->next;
    *list = o;
}

void output_leave(struct output *o)
{
    if (o->place == NULL)
        return;
    *o->place = o->next;
    if (o->next != NULL)
        o->next->place = o->place;
    o->place = NULL;
    o->next = NULL;
}

bool output_is_in(const struct output *o, const struct output *list)
{
    while (list != NULL && list != o)
        list = list->next;
    return list != NULL;
}

void output_fail(struct output *o, int error)
{
    output_drop(o);
    o->error = error;
}

void output_expire(struct output *o)
{
    output_fail(o, ETIMEDOUT);
    o->timed_out = true;
}

int output_try(struct output *o)
{
    int error = send_a_few(o);

    if (error != 0 && error != EAGAIN)
        output_fail(o, error);
    return error;
}

struct outputs_sent outputs_send(struct output **list)
{
    struct outputs_sent sent = {NULL, NULL, false};
    struct output *next;

    for (struct output *o = *list; o != NULL; o = next) {
        size_t before = block_used(o->pending);
        int error;

        next = o->next;
        error = output_try(o);
        sent.moved |= block_used(o->pending) != before;
        if (error == EAGAIN) {
            if (sent.blocked == NULL && o->handle->timeout != 0)
                sent.blocked = o;
        } else if (error != 0 && sent.failed == NULL) {
            sent.failed = o;
        }
    }
    return sent;
}

void outputs_try_all(struct output **list)
{
    struct output *next;

    for (struct output *o = *list; o != NULL; o = next) {
        int error;

        next = o->next;
        error = send_a_few(o);
        if (error != EAGAIN)
            o->error = error;
    }
}

/* Wait until the peer can take more. False: not before the deadline. */
static bool await_peer(const struct output *o, int64_t deadline)
{
    struct pollfd p = {.fd = o->handle->fd, .events = POLLOUT};
    struct timespec left;
    int count;

    do
        count = ppoll(&p, 1, clock_left(deadline, &left), NULL);
    while (count == -1 && errno == EINTR);
    return count == 1;
}

static void finish(struct output *o)
{
    int64_t timeout = o->handle->timeout;
    bool is_patient = timeout == NO_DEADLINE;
    int64_t deadline = clock_after(is_patient ? PATIENCE : timeout);

    for (;;) {
        size_t before = block_used(o->pending);

        if (output_try(o) != EAGAIN)
            return;
        if (is_patient && block_used(o->pending) != before)
            deadline = clock_after(PATIENCE);
        if (!await_peer(o, deadline))
            return;
    }
}

void outputs_finish(struct output **list)
{
    struct output *next;

    for (struct output *o = *list; o != NULL; o = next) {
        next = o->next;
        finish(o);
    }
}

void outputs_leave(struct output **list)
{
    while (*list != NULL)
        output_leave(*list);
}

void outputs_drop(struct output **list)
{
    while (*list != NULL)
        output_drop(*list);
}
