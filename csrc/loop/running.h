/*
 * running: the task that this thread runs.
 *
 * Every call reads it, so reading costs only a few instructions. The first
 * thread that loads the module keeps it in a plain variable, and is recognised
 * by its thread pointer. Other threads keep it in a thread-local variable,
 * which a library that dlopen(3) loads can reach only by a function call.
 */
#ifndef SOCKEYE_LOOP_RUNNING_H
#define SOCKEYE_LOOP_RUNNING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct task;

/* Private to the functions below. Declared as hidden, they are read without a
 * way round the linker's table. */
#pragma GCC visibility push(hidden)
extern atomic_bool running_is_used; /* a thread has run a task */
extern _Atomic(const void *) running_first_thread;
extern struct task *running_in_first;
extern atomic_bool running_in_others; /* another thread has run a task */
extern _Thread_local struct task *running_in_other;
extern struct task running_outside;
extern atomic_int running_deadlines; /* outside of tasks, in any Lua state, and
                                        signals with a handler in Lua */
#pragma GCC visibility pop

/* An address that no two living threads share. */
#if defined(__x86_64__) && defined(__linux__)
static inline const void *running_thread(void)
{
    const void *self;

    __asm__("movq %%fs:0, %0" : "=r"(self));
    return self;
}
#elif defined(__i386__) && defined(__linux__)
static inline const void *running_thread(void)
{
    const void *self;

    __asm__("movl %%gs:0, %0" : "=r"(self));
    return self;
}
#elif defined(__aarch64__) && defined(__linux__)
static inline const void *running_thread(void)
{
    const void *self;

    __asm__("mrs %0, tpidr_el0" : "=r"(self));
    return self;
}
#else
static inline const void *running_thread(void)
{
    return &running_in_other;
}
#endif

static inline bool running_is_first(void)
{
    return running_thread() ==
           atomic_load_explicit(&running_first_thread, memory_order_relaxed);
}

static inline struct task *running_here(void)
{
    if (running_is_first())
        return running_in_first;
    return atomic_load_explicit(&running_in_others, memory_order_relaxed)
               ? running_in_other
               : NULL;
}

/* Count a change in how many deadlines there are outside of tasks; or in how
 * many signals have a handler in Lua, which the kernel would not run during a
 * call that it restarts (SA_RESTART). */
void running_add_deadlines(int change);
void running_add_handlers(int change);

/* Whether there is one or the other. */
static inline bool running_has_deadlines(void)
{
    return atomic_load_explicit(&running_deadlines, memory_order_relaxed) > 0;
}

/* The task that runs in this thread; NULL outside of tasks. While there are
 * deadlines outside of tasks, or handlers in Lua, in any Lua state, a stand-in
 * without a coroutine in place of NULL: the kernel may not block then. */
static inline struct task *loop_running(void)
{
    struct task *t = running_here();

    return t != NULL || !running_has_deadlines() ? t : &running_outside;
}

/* Whether no task runs in this thread: cheaper to know in programs that never
 * run one, else the same. */
static inline bool loop_is_idle(void)
{
    return !atomic_load_explicit(&running_is_used, memory_order_relaxed) ||
           loop_running() == NULL;
}

static inline void loop_set_running(struct task *t)
{
    if (t == &running_outside)
        t = NULL;
    atomic_store_explicit(&running_is_used, true, memory_order_relaxed);
    if (running_is_first()) {
        running_in_first = t;
        return;
    }
    atomic_store_explicit(&running_in_others, true, memory_order_relaxed);
    running_in_other = t;
}

/* Note that this thread has loaded the module. */
void loop_note_thread(void);

#endif
