/*
 * stderr: lines on standard error that nobody waits for; see stderr.h.
 *
 * Others share the open file, so its O_NONBLOCK stays as it is: each attempt is
 * one that does not block, as nowait.h makes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/nowait.h"
#include "base/stderr.h"

static atomic_uint dropped;
static atomic_bool in_line; /* a text was dropped in the middle of a line */

/* Find out what standard error is. Returns false if it is closed. A descriptor
 * that is closed by exec is another file: it has got the number because no
 * standard error was open. */
static bool find_file(struct stat *st)
{
    int flags = fcntl(STDERR_FILENO, F_GETFD);

    return flags != -1 && (flags & FD_CLOEXEC) == 0 &&
           fstat(STDERR_FILENO, st) == 0;
}

static ssize_t write_some(int fd, bool is_socket, const char *text,
                          size_t length)
{
    bool is_full;
    ssize_t n;

    do
        n = is_socket ? send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL)
                      : nowait_write(fd, text, length, &is_full);
    while (n == -1 && errno == EINTR);
    return n;
}

/* Write what `fd` takes without blocking. Returns how much that is. */
static size_t write_all(int fd, bool is_socket, const char *text, size_t length)
{
    size_t done = 0;

    while (done < length) {
        ssize_t n = write_some(fd, is_socket, text + done, length - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* Write to a terminal, which may take less than nowait_write assumes;
 * it is opened once more. */
static size_t write_apart(const char *text, size_t length)
{
    int fd = open("/proc/thread-self/fd/2",
                  O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    size_t done;

    if (fd == -1)
        return write_all(STDERR_FILENO, false, text, length);
    done = write_all(fd, false, text, length);
    close(fd);
    return done;
}

/* Return how much of the text was written. */
static size_t put(const char *text, size_t length)
{
    struct stat st;

    if (!find_file(&st))
        return 0;
    if (S_ISCHR(st.st_mode))
        return write_apart(text, length);
    return write_all(STDERR_FILENO, S_ISSOCK(st.st_mode), text, length);
}

/* What goes first, at once: a pipe takes as much either whole or not at all. */
struct beginning {
    char text[PIPE_BUF];
    size_t length;
    size_t notice; /* how much of it says how many texts were dropped */
};

static void add_notice(struct beginning *b, unsigned int count)
{
    const char *what = count == 1 ? "report was" : "reports were";

    b->length =
        (size_t)snprintf(b->text, sizeof b->text, "%ssockeye: %u %s dropped\n",
                         atomic_load(&in_line) ? "\n" : "", count, what);
    b->notice = b->length;
}

/* Add what fits. Returns how much of the text that is. */
static size_t add_text(struct beginning *b, const char *text, size_t length)
{
    size_t left = sizeof b->text - b->length;

    if (length > left)
        length = left;
    memcpy(b->text + b->length, text, length);
    b->length += length;
    return length;
}

/* Write a text behind the number of those that were dropped before. Returns
 * whether all was written. */
static bool put_counted(const char *text, size_t length, unsigned int count)
{
    struct beginning b;
    size_t done, added;

    add_notice(&b, count);
    added = add_text(&b, text, length);
    done = put(b.text, b.length);
    if (done >= b.notice)
        atomic_fetch_sub(&dropped, count);
    if (done == b.length)
        done += put(text + added, length - added);
    if (done > 0)
        atomic_store(&in_line, done < b.notice + length && done != b.notice);
    return done == b.notice + length;
}

static bool put_alone(const char *text, size_t length)
{
    size_t done = put(text, length);

    if (done > 0)
        atomic_store(&in_line, done < length);
    return done == length;
}

void stderr_write(const char *text, size_t length)
{
    int error = errno;
    unsigned int count = atomic_load(&dropped);

    if (!(count > 0 ? put_counted(text, length, count)
                    : put_alone(text, length)))
        atomic_fetch_add(&dropped, 1);
    errno = error;
}
