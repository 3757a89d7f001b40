/*
 * running: the task that this thread runs; see running.h.
 */
#include "loop/running.h"

_Thread_local struct task *running_task;
atomic_bool running_is_used;
