/*
 * timers: tasks waiting for a deadline; see timers.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "loop/timers.h"
#include "loop/state.h"

static void place_timer(struct timers *h, size_t place, struct task *t)
{
    h->heap[place] = t;
    t->timer_place = (uint32_t)place;
}

static void rise(struct timers *h, size_t place)
{
    struct task *t = h->heap[place];

    for (; place > 1 && h->heap[place / 2]->timer > t->timer; place /= 2)
        place_timer(h, place, h->heap[place / 2]);
    place_timer(h, place, t);
}

static void sink(struct timers *h, size_t place)
{
    struct task *t = h->heap[place];

    while (place * 2 <= h->count) {
        size_t child = place * 2;

        if (child < h->count &&
            h->heap[child + 1]->timer < h->heap[child]->timer)
            child++;
        if (h->heap[child]->timer >= t->timer)
            break;
        place_timer(h, place, h->heap[child]);
        place = child;
    }
    place_timer(h, place, t);
}

static bool grow_timers(struct timers *h)
{
    size_t size = h->size ? h->size * 2 : 64;
    struct task **heap = realloc(h->heap, size * sizeof(struct task *));

    if (heap == NULL)
        return false;
    h->heap = heap;
    h->size = size;
    return true;
}

int timers_set(struct timers *h, struct task *t)
{
    if (t->timer_place == 0) {
        if (h->count + 1 >= h->size && !grow_timers(h))
            return ENOMEM;
        t->timer = t->deadline;
        place_timer(h, ++h->count, t);
        rise(h, h->count);
    } else if (t->deadline < t->timer) {
        t->timer = t->deadline;
        rise(h, t->timer_place);
    }
    return 0;
}

void timers_remove(struct timers *h, struct task *t)
{
    size_t place = t->timer_place;
    struct task *last;

    if (place == 0)
        return;
    t->timer_place = 0;
    last = h->heap[h->count--];
    if (last == t)
        return;
    place_timer(h, place, last);
    rise(h, place);
    sink(h, last->timer_place);
}

void timers_put_off(struct timers *h, struct task *t)
{
    t->timer = t->deadline;
    sink(h, t->timer_place);
}
