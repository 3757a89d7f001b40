/*
 * fork: loops after fork(2), and tasks that are not resumed again; see fork.h.
 */
#include "loop/fork.h"
#include "loop/inner.h"
#include "loop/loop.h"
#include "loop/output.h"
#include "loop/scope.h"

static void halt(struct task *t)
{
    if (t->status == TASK_WAITING)
        loop_stop_waiting(t);
    t->status = TASK_CANCELLED;
    t->abandoned = true;
}

void loop_keep_only(struct loop *loop, struct task *t)
{
    struct task *next;

    for (struct task *other = loop->tasks; other != NULL; other = next) {
        next = other->next;
        if (other == t)
            continue;
        halt(other);
        outputs_drop(&other->outputs);
        loop_retire(other);
        loop_remove(loop, other);
        loop_meet_all(&other->ends);
        other->group->count--;
        other->group->daemons -= other->is_daemon;
        scope_end(other);
    }
    loop->ready_first = NULL;
    loop->held = t->holds;
    loop->survivor = t;
}

struct task *loop_survivor(const struct loop *loop)
{
    return loop->survivor;
}

void loop_forget_survivor(struct loop *loop)
{
    loop->survivor = NULL;
}

void loop_halt(struct loop *loop)
{
    for (struct task *t = loop->tasks; t != NULL; t = t->next)
        halt(t);
    loop->ready_first = NULL;
}
