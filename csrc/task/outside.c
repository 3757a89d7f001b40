/*
 * outside: the deadlines in force outside of tasks; see outside.h.
 */
#include "task/outside.h"
#include "loop/running.h"
#include "loop/state.h"
#include "task/task.h"

/* The stand-in task has no coroutine. It is the running task while there are
 * deadlines. */
static _Thread_local struct task outside;

struct task *outside_deadlines(void)
{
    return &outside;
}

void outside_changed(void)
{
    struct task *t = loop_running();

    if (t == NULL && outside.scope != NULL)
        loop_set_running(&outside);
    else if (t == &outside && outside.scope == NULL)
        loop_set_running(NULL);
}

int64_t outside_limit(int64_t own)
{
    return task_deadline(&outside, own);
}
