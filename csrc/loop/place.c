/*
 * place: a task's places in queues; see place.h.
 */
#include <stdlib.h>
#include <string.h>

#include "loop/place.h"

#define KEPT 4 /* as many places are kept for the task's next wait */

static _Atomic uint64_t orders;

uint64_t place_next_order(void)
{
    return ++orders;
}

static void release(struct task *t)
{
    free(t->places);
    t->places = NULL;
}

static void give_up(lua_State *L, struct places *places)
{
    struct place *p = places->met != 0 ? &places->list[places->met - 1] : NULL;

    places->met = 0;
    if (p != NULL && p->queue != NULL && p->lost != NULL)
        p->lost(L, p);
}

void place_give_up(lua_State *L, struct task *t)
{
    if (t->places != NULL && t->places->met != 0)
        give_up(L, t->places);
}

/* Leave a wait behind, even one whose coroutine a script has closed. */
static void leave_behind(lua_State *L, struct places *places)
{
    give_up(L, places);
    place_leave_all(places);
}

bool place_open(lua_State *L, struct task *t, int count)
{
    struct places *places = t->places;
    int limit = count > KEPT || places == NULL ? count : KEPT;

    if (places != NULL)
        leave_behind(L, places);
    if (places != NULL && (places->limit < count || places->limit > limit)) {
        release(t);
        places = NULL;
    }
    if (places == NULL) {
        places = malloc(sizeof *places + (size_t)limit * sizeof *places->list);
        if (places == NULL)
            return false;
        places->limit = limit;
        t->places = places;
    }
    memset(places->list, 0, (size_t)count * sizeof *places->list);
    places->count = count;
    places->met = 0;
    places->ended = false;
    for (int i = 0; i < count; i++) {
        places->list[i].task = t;
        places->list[i].number = i + 1;
    }
    return true;
}

void place_enter(struct queue *queue, struct place *p)
{
    struct place *before = queue->first;

    p->queue = queue;
    if (before == NULL) {
        p->next = p->previous = p;
        queue->first = p;
        return;
    }
    before = before->previous;
    while (before->order > p->order && before != queue->first)
        before = before->previous;
    if (before->order > p->order) {
        queue->first = p;
        before = before->previous;
    }
    p->previous = before;
    p->next = before->next;
    p->next->previous = p;
    before->next = p;
}

bool place_is_any(const struct task *t)
{
    for (int i = 0; t->places != NULL && i < t->places->count; i++) {
        if (t->places->list[i].queue != NULL)
            return true;
    }
    return false;
}

void place_leave(struct place *p)
{
    struct queue *queue = p->queue;

    if (queue == NULL)
        return;
    if (queue->first == p)
        queue->first = p->next != p ? p->next : NULL;
    p->next->previous = p->previous;
    p->previous->next = p->next;
    p->queue = NULL;
}

void place_leave_all(struct places *places)
{
    for (int i = 0; i < places->count; i++) {
        if (i + 1 != places->met)
            place_leave(&places->list[i]);
    }
}

void place_empty(struct queue *queue)
{
    while (queue->first != NULL)
        place_leave(queue->first);
}

void place_note(struct place *p, bool ended)
{
    p->task->places->met = p->number;
    p->task->places->ended = ended;
}

struct place *place_take(struct task *t)
{
    struct places *places = t->places;
    struct place *p;

    if (places == NULL || places->met == 0)
        return NULL;
    p = &places->list[places->met - 1];
    places->met = 0;
    place_leave(p);
    return p;
}

void place_close(struct task *t)
{
    if (t->places == NULL)
        return;
    leave_behind(NULL, t->places);
    release(t);
}
