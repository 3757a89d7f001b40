/*
 * running: the task that this thread runs; see running.h.
 */
#include "loop/running.h"
#include "loop/state.h"

atomic_bool running_is_used;
_Atomic(const void *) running_first_thread;
struct task *running_in_first;
atomic_bool running_in_others;
_Thread_local struct task *running_in_other;

/* Make the calling thread the first, unless there is one. A first thread that
 * has ended runs no task, so a later thread with its address may take its
 * place. */
void loop_note_thread(void)
{
    const void *none = NULL;

    atomic_compare_exchange_strong(&running_first_thread, &none,
                                   running_thread());
}

struct task running_outside;
atomic_int running_deadlines;

void running_add_deadlines(int change)
{
    atomic_store_explicit(&running_is_used, true, memory_order_relaxed);
    atomic_fetch_add_explicit(&running_deadlines, change, memory_order_relaxed);
}

void running_add_handlers(int change)
{
    running_add_deadlines(change);
}
