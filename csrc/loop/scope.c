/*
 * scope: the tree of scopes; see scope.h.
 */
#include "loop/scope.h"
#include "loop/loop.h"
#include "loop/running.h"
#include "loop/wake.h"

/* ---- the tree ---- */

void scope_init(struct opened_scope *s, enum scope_kind kind, lua_State *opener,
                int64_t deadline)
{
    *s = (struct opened_scope){
        .base.kind = (uint8_t)kind, .opener = opener, .deadline = deadline};
}

static void link_scope(struct scope *s, struct scope **first)
{
    s->next = *first;
    s->link = first;
    if (s->next != NULL)
        s->next->link = &s->next;
    *first = s;
}

static void unlink_scope(struct scope *s)
{
    if (s->link == NULL)
        return;
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
    s->next = NULL;
    s->link = NULL;
}

void scope_put(struct scope *s, struct scope *outer)
{
    s->outer = outer;
    if (outer != NULL)
        link_scope(s, &outer->inner);
}

struct scope *scope_walk(struct scope *s, const struct scope *top,
                         bool shielded)
{
    if (s->inner != NULL && (shielded || s->kind != SCOPE_SHIELD || s == top))
        return s->inner;
    while (s != top && s->next == NULL)
        s = s->outer;
    return s != top ? s->next : NULL;
}

bool scope_is_over(const struct scope *s, int64_t now)
{
    for (; s != NULL; s = scope_outer(s)) {
        if (s->canceled || scope_deadline(s) <= now)
            return true;
    }
    return false;
}

/* ---- what holds for tasks ---- */

void scope_refresh(struct task *t)
{
    bool over = t->killed;

    t->scope_limit = NO_DEADLINE;
    for (const struct scope *s = t->scope; s != NULL; s = scope_outer(s)) {
        over = over || s->canceled;
        if (scope_deadline(s) < t->scope_limit)
            t->scope_limit = scope_deadline(s);
    }
    t->over = over || t->scope_limit <= loop_now(t->loop);
    if (t->over && t->budget > 0)
        t->budget = 0;
    if (t->status == TASK_WAITING && (t->over || !loop_move_deadline(t)))
        loop_wake(t);
}

/* The task whose innermost scope it is; or NULL. */
static struct task *task_in(const struct scope *s)
{
    struct task *owner;

    if (s->kind != SCOPE_TASK)
        return scope_opened(s)->task;
    owner = scope_owner(s);
    return owner->scope == s ? owner : NULL;
}

static void refresh_all(struct scope *top)
{
    for (struct scope *s = top; s != NULL; s = scope_walk(s, top, false)) {
        struct task *t = task_in(s);

        if (t != NULL)
            scope_refresh(t);
    }
}

void scope_cancel(struct scope *s)
{
    if (s->canceled)
        return;
    s->canceled = true;
    refresh_all(s);
}

/* Let t be in `s` alone, or in none. */
static void put_task(struct task *t, struct scope *s)
{
    if (t->scope != NULL && t->scope->kind != SCOPE_TASK)
        scope_opened(t->scope)->task = NULL;
    t->scope = s;
    if (s != NULL && s->kind != SCOPE_TASK)
        scope_opened(s)->task = t;
}

static void set_innermost(struct task *t, struct scope *s)
{
    put_task(t, s);
    scope_refresh(t);
}

void scope_begin(struct task *t, struct scope *outer)
{
    t->own.kind = SCOPE_TASK;
    scope_put(&t->own, outer);
    set_innermost(t, &t->own);
}

void scope_enter(struct task *t, struct scope *s)
{
    scope_put(s, t->scope);
    set_innermost(t, s);
}

void scope_enter_outside(struct scope *s, struct scope **list)
{
    scope_opened(s)->list = list;
    s->outer = *list;
    *list = s;
    running_add_deadlines(1);
}

static void leave_list(struct scope *s)
{
    struct scope **place = scope_opened(s)->list;

    if (place == NULL)
        return;
    while (*place != s)
        place = &(*place)->outer;
    *place = s->outer;
    scope_opened(s)->list = NULL;
    running_add_deadlines(-1);
}

/* ---- coroutines ---- */

/* The outermost of the scopes that a coroutine took along; or of all. */
static const struct scope *outermost_of(const struct scope *s)
{
    while (s->outer != NULL)
        s = s->outer;
    return s;
}

/* Let the coroutine that took `s` along have taken it no more. */
static void leave_taken(struct scope *s)
{
    const struct scope *outermost = outermost_of(s);

    if (outermost->kind == SCOPE_TASK ||
        scope_opened(outermost)->innermost != s)
        return;
    scope_opened(outermost)->innermost = s != outermost ? s->outer : NULL;
}

void scope_move(struct scope *s, struct scope *outer)
{
    unlink_scope(s);
    scope_put(s, outer);
    refresh_all(s);
}

static void put_inner_out(struct scope *s)
{
    struct scope *outer = s->outer;

    while (s->inner != NULL) {
        scope_move(s->inner, outer);
    }
}

void scope_leave(struct scope *s)
{
    struct task *t = task_in(s);

    if (s->kind != SCOPE_TASK) {
        leave_taken(s);
        leave_list(s);
    }
    if (t != NULL)
        put_task(t, NULL);
    unlink_scope(s);
    put_inner_out(s);
    if (t != NULL && s->kind != SCOPE_TASK && s->outer != NULL)
        set_innermost(t, s->outer);
    s->outer = NULL;
}

void scope_end(struct task *t)
{
    scope_leave(&t->own);
    put_task(t, NULL);
}

/* Compute anew what holds inside `s`, if what is around it makes a difference
 * to t, which is there. */
static void refresh_if_bound(const struct task *t, struct scope *s)
{
    if (t->over || t->scope_limit != NO_DEADLINE)
        refresh_all(s);
}

bool scope_is_inside(const struct task *t, lua_State *co)
{
    for (const struct scope *s = t->scope; s != NULL; s = s->outer) {
        if (s->kind != SCOPE_TASK && scope_is_opened_by(s, co))
            return true;
    }
    return false;
}

void scope_take_along(struct task *t, lua_State *co, struct scope **taken)
{
    struct scope *innermost = t->scope;
    struct scope *outermost = innermost;
    struct scope *around;

    while (scope_is_opened_by(outermost->outer, co))
        outermost = outermost->outer;
    around = outermost->outer;
    unlink_scope(outermost);
    outermost->outer = NULL;
    scope_opened(outermost)->innermost = innermost;
    set_innermost(t, around);
    link_scope(outermost, taken);
    refresh_if_bound(t, outermost);
}

/* Take the scopes that the coroutine took along out of the list; returns the
 * outermost, or NULL if there are none. */
static struct scope *remove_taken(lua_State *co, struct scope *taken,
                                  struct scope **innermost)
{
    while (taken != NULL && !scope_is_opened_by(taken, co))
        taken = taken->next;
    if (taken == NULL)
        return NULL;
    *innermost = scope_opened(taken)->innermost;
    scope_opened(taken)->innermost = NULL;
    unlink_scope(taken);
    return taken;
}

void scope_put_back(struct task *t, lua_State *co, struct scope **taken)
{
    struct scope *innermost;
    struct scope *outermost = remove_taken(co, *taken, &innermost);

    if (outermost == NULL)
        return;
    scope_put(outermost, t->scope);
    refresh_if_bound(t, outermost);
    set_innermost(t, innermost);
}

/* The outermost of the scopes in the list that the coroutine has opened. */
static struct scope *find_outside(lua_State *co, struct scope *list)
{
    struct scope *found = NULL;

    for (; list != NULL; list = list->outer) {
        if (scope_is_opened_by(list, co))
            found = list;
    }
    return found;
}

void scope_bring_in(struct task *t, lua_State *co, struct scope **list)
{
    struct scope *s;

    while ((s = find_outside(co, *list)) != NULL) {
        leave_list(s);
        scope_enter(t, s);
        refresh_if_bound(t, s);
    }
}

/* Enter `s`, and those that it is in, from the outermost inwards. */
static void enter_all_outside(struct scope *s, struct scope **list)
{
    while (s != NULL) {
        struct scope *inner = s;
        struct scope *before = NULL;

        for (; inner->outer != NULL; inner = inner->outer)
            before = inner;
        if (before != NULL) {
            unlink_scope(before);
            before->outer = NULL;
        }
        scope_enter_outside(inner, list);
        s = inner != s ? s : NULL;
    }
}

void scope_bring_out(lua_State *co, struct scope **taken, struct scope **list)
{
    struct scope *innermost;

    if (remove_taken(co, *taken, &innermost) != NULL)
        enter_all_outside(innermost, list);
}
