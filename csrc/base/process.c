/*
 * process: which of several processes this is; see process.h.
 *
 * Follows pthread_atfork(3): the number changes whoever calls fork(2).
 */
#include <pthread.h>

#include "base/argument.h"
#include "base/process.h"
#include "open.h"

unsigned process_number;
atomic_uint process_children;

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void change_number(void)
{
    process_number++;
}

static void count_child(void)
{
    atomic_fetch_add_explicit(&process_children, 1, memory_order_relaxed);
}

static void prepare(void)
{
    pthread_atfork(NULL, count_child, change_number);
}

void open_process_number(lua_State *L)
{
    (void)L;
    pthread_once(&prepared, prepare);
}
