/*
 * poller: reports which descriptors became ready; see poller.h.
 *
 * Follows epoll(7), epoll_ctl(2) and poll(2). Each of the two
 * backends is a row of functions. -DHAS_EPOLL=0 builds without epoll, as on a
 * system that lacks it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/poller.h"
#include "loop/precise.h"

#define BATCH 256
#define ALL (POLLIN | POLLOUT | POLLPRI)

struct backend {
    int (*add)(struct poller *p, int fd, uint64_t tag, int events);
    int (*want)(struct poller *p, int fd, uint64_t tag, int events);
    void (*remove)(struct poller *p, int fd);
    int (*await)(struct poller *p, int64_t deadline, poller_event *event,
                 void *context);
};

struct poller {
    const struct backend *backend;
    int fd; /* epoll's; -1 for poll(2) */
    /* for poll(2): the descriptors, their tags, and the place of each
     * descriptor */
    struct pollfd *fds;
    uint64_t *tags;
    int64_t *rests; /* until when each is not looked at; 0: it is */
    int *places;    /* by descriptor; -1: none */
    size_t count;
    size_t size;
    size_t places_size;
    size_t resting; /* how many are not looked at */
};

/* Convert events of poll(2) to those that poller.h promises. */
static int changes_of(int events)
{
    return events & (POLLERR | POLLHUP | POLLNVAL) ? ALL | POLLHUP
                                                   : events & ALL;
}

/* ---- epoll ---- */

#if HAS_EPOLL

/* epoll's events are assumed to be those of poll(2). */
_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLPRI == POLLPRI,
               "epoll's events are others than poll's");
_Static_assert(EPOLLERR == POLLERR && EPOLLHUP == POLLHUP,
               "epoll's errors are others than poll's");

static uint32_t epoll_interest(int events)
{
    return EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET | (uint32_t)events;
}

static int epoll_add(struct poller *p, int fd, uint64_t tag, int events)
{
    struct epoll_event e = {epoll_interest(events), {.u64 = tag}};

    if (epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) == 0)
        return 0;
    if (errno == EEXIST && epoll_ctl(p->fd, EPOLL_CTL_MOD, fd, &e) == 0)
        return 0;
    if (errno == ENOENT && epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) == 0)
        return 0;
    return errno;
}

static int epoll_want(struct poller *p, int fd, uint64_t tag, int events)
{
    struct epoll_event e = {epoll_interest(events), {.u64 = tag}};

    if (epoll_ctl(p->fd, EPOLL_CTL_MOD, fd, &e) == 0)
        return 0;
    return errno == ENOENT ? epoll_add(p, fd, tag, events) : errno;
}

static void epoll_remove(struct poller *p, int fd)
{
    struct epoll_event e = {0};

    epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, &e);
}

/* Convert events of epoll(7). EPOLLRDHUP: the peer sends no more. */
static int changes_of_epoll(uint32_t events)
{
    return changes_of((int)(events & (ALL | POLLERR | POLLHUP))) |
           (events & EPOLLRDHUP ? POLLIN | POLLHUP : 0);
}

static int epoll_await(struct poller *p, int64_t deadline, poller_event *event,
                       void *context)
{
    struct epoll_event events[BATCH];
    struct timespec left;
    int n = precise_wait(p->fd, events, BATCH, clock_left(deadline, &left));

    if (n == -1)
        return errno;
    for (int i = 0; i < n; i++)
        event(context, events[i].data.u64, changes_of_epoll(events[i].events));
    return 0;
}

/* Add entry `i` to the set; or, if an earlier one has the same descriptor, what
 * it asks for beside. Returns whether that succeeded. */
static bool add_to_set(int set, const struct pollfd *fds, nfds_t i)
{
    struct epoll_event e = {.events = (uint32_t)(fds[i].events & ALL)};

    if (epoll_ctl(set, EPOLL_CTL_ADD, fds[i].fd, &e) == 0)
        return true;
    if (errno != EEXIST)
        return false;
    for (nfds_t j = 0; j < i; j++) {
        if (fds[j].fd == fds[i].fd)
            e.events |= (uint32_t)(fds[j].events & ALL);
    }
    return epoll_ctl(set, EPOLL_CTL_MOD, fds[i].fd, &e) == 0;
}

int poller_make_set(const struct pollfd *fds, nfds_t count)
{
    int set = epoll_create1(EPOLL_CLOEXEC);

    for (nfds_t i = 0; set != -1 && i < count; i++) {
        if (fds[i].fd < 0)
            continue;
        if (!add_to_set(set, fds, i)) {
            int error = errno;

            close(set);
            errno = error;
            return -1;
        }
    }
    return set;
}

static const struct backend epoll_backend = {epoll_add, epoll_want,
                                             epoll_remove, epoll_await};

static int open_epoll(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

#else

static const struct backend epoll_backend;

int poller_make_set(const struct pollfd *fds, nfds_t count)
{
    (void)fds;
    (void)count;
    errno = ENOSYS;
    return -1;
}

static int open_epoll(void)
{
    errno = ENOSYS;
    return -1;
}

#endif

/* ---- poll(2) ---- */

static bool grow(void **memory, size_t entry, size_t count)
{
    void *larger = realloc(*memory, entry * count);

    if (larger != NULL)
        *memory = larger;
    return larger != NULL;
}

static bool grow_entries(struct poller *p)
{
    size_t size = p->size ? p->size * 2 : 16;

    if (!grow((void **)&p->fds, sizeof *p->fds, size) ||
        !grow((void **)&p->tags, sizeof *p->tags, size) ||
        !grow((void **)&p->rests, sizeof *p->rests, size))
        return false;
    p->size = size;
    return true;
}

static bool grow_places(struct poller *p, size_t wanted)
{
    size_t size = p->places_size ? p->places_size : 64;

    while (size <= wanted)
        size *= 2;
    if (!grow((void **)&p->places, sizeof *p->places, size))
        return false;
    for (size_t i = p->places_size; i < size; i++)
        p->places[i] = -1;
    p->places_size = size;
    return true;
}

static struct pollfd *find_place(const struct poller *p, int fd)
{
    bool known = (size_t)fd < p->places_size && p->places[fd] >= 0;

    return known ? &p->fds[p->places[fd]] : NULL;
}

static int poll_want(struct poller *p, int fd, uint64_t tag, int events)
{
    struct pollfd *place = find_place(p, fd);

    (void)tag;
    if (place == NULL)
        return ENOENT;
    place->events |= (short)(events & ALL);
    return 0;
}

static int poll_add(struct poller *p, int fd, uint64_t tag, int events)
{
    struct pollfd *place;

    if ((size_t)fd >= p->places_size && !grow_places(p, (size_t)fd))
        return ENOMEM;
    if (p->count == p->size && !grow_entries(p))
        return ENOMEM;
    place = find_place(p, fd);
    if (place == NULL) {
        p->places[fd] = (int)p->count;
        p->rests[p->count] = 0;
        place = &p->fds[p->count++];
    }
    *place = (struct pollfd){.fd = fd};
    p->tags[p->places[fd]] = tag;
    return poll_want(p, fd, tag, events);
}

/* Remove an entry; the last entry moves to its place. */
static void poll_remove(struct poller *p, int fd)
{
    struct pollfd *place = find_place(p, fd);
    size_t last;

    if (place == NULL)
        return;
    last = --p->count;
    p->resting -= p->rests[p->places[fd]] != 0;
    p->tags[p->places[fd]] = p->tags[last];
    p->rests[p->places[fd]] = p->rests[last];
    *place = p->fds[last];
    p->places[place->fd] = p->places[fd];
    p->places[fd] = -1;
}

/* Whether an entry rests at `now`; then until `*deadline` at the latest. */
static bool rests(struct poller *p, size_t i, int64_t now, int64_t *deadline)
{
    if (p->rests[i] == 0)
        return false;
    if (p->rests[i] > now) {
        if (p->rests[i] < *deadline)
            *deadline = p->rests[i];
        return true;
    }
    p->rests[i] = 0;
    p->resting--;
    return false;
}

/* Hide entries that have no events from poll(2), which would report their
 * hang-ups over and over, and those that rest. */
static void hide_idle(struct poller *p, int64_t *deadline)
{
    int64_t now = p->resting > 0 ? clock_now() : 0;

    for (size_t i = 0; i < p->count; i++) {
        bool hides = p->fds[i].events == 0 || rests(p, i, now, deadline);

        if (hides != (p->fds[i].fd < 0))
            p->fds[i].fd = ~p->fds[i].fd;
    }
}

static void show_all(struct poller *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->fds[i].fd < 0)
            p->fds[i].fd = ~p->fds[i].fd;
    }
}

static int poll_await(struct poller *p, int64_t deadline, poller_event *event,
                      void *context)
{
    struct timespec left;
    int n;
    int error;

    hide_idle(p, &deadline);
    n = ppoll(p->fds, p->count, clock_left(deadline, &left), NULL);
    error = errno;
    show_all(p);
    if (n == -1)
        return error;
    for (size_t i = 0; n > 0 && i < p->count; i++) {
        short revents = p->fds[i].revents;

        if (revents == 0)
            continue;
        n--;
        p->fds[i].revents = 0;
        p->fds[i].events &= (short)~revents;
        if (revents & (POLLERR | POLLHUP | POLLNVAL))
            p->fds[i].events = 0;
        event(context, p->tags[i], changes_of(revents));
    }
    return 0;
}

static const struct backend poll_backend = {poll_add, poll_want, poll_remove,
                                            poll_await};

/* ---- both backends ---- */

struct poller *poller_open(bool use_poll)
{
    struct poller *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->backend = use_poll || !HAS_EPOLL ? &poll_backend : &epoll_backend;
    p->fd = p->backend == &epoll_backend ? open_epoll() : -1;
    if (p->backend == &epoll_backend && p->fd == -1) {
        free(p);
        return NULL;
    }
    return p;
}

void poller_close(struct poller *p)
{
    int error = errno;

    if (p->fd != -1)
        close(p->fd);
    free(p->fds);
    free(p->tags);
    free(p->rests);
    free(p->places);
    free(p);
    errno = error;
}

void poller_renew(struct poller *p)
{
    for (size_t i = 0; i < p->count; i++)
        p->places[p->fds[i].fd] = -1;
    p->count = 0;
    p->resting = 0;
    if (p->fd == -1)
        return;
    close(p->fd);
    p->fd = open_epoll();
    if (p->fd == -1)
        p->backend = &poll_backend;
}

int poller_add(struct poller *p, int fd, uint64_t tag, int events)
{
    return p->backend->add(p, fd, tag, events);
}

int poller_want(struct poller *p, int fd, uint64_t tag, int events)
{
    return p->backend->want(p, fd, tag, events);
}

void poller_remove(struct poller *p, int fd)
{
    p->backend->remove(p, fd);
}

void poller_rest(struct poller *p, int fd, int64_t until)
{
    const struct pollfd *place = find_place(p, fd);

    if (place == NULL)
        return;
    p->resting += p->rests[p->places[fd]] == 0;
    p->rests[p->places[fd]] = until;
}

int poller_wait(struct poller *p, int64_t deadline, poller_event *event,
                void *context)
{
    return p->backend->await(p, deadline, event, context);
}

bool poller_reports_once(const struct poller *p)
{
    return p->backend == &poll_backend;
}

const char *poller_call(const struct poller *p)
{
    return p->fd == -1 ? "poll" : "epoll_wait";
}

int poller_descriptor(const struct poller *p)
{
    return p->fd;
}
