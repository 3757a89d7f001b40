/*
 * context: the values of lua_KContext in this library.
 *
 * A step is a function that makes a call and is its own continuation. Its
 * context says why it runs. The call's progress is kept in the task (wait.h),
 * since a context has only 32 bits where pointers have 32.
 */
#ifndef SOCKEYE_TASK_CONTEXT_H
#define SOCKEYE_TASK_CONTEXT_H

#include <lua.h>

/* The call has yielded before its first attempt, which is still to be made. */
#define WAIT_POSTPONED ((lua_KContext)-1)

/* The call begins. */
#define WAIT_FIRST ((lua_KContext)0)

/* The call has waited, for its event or until its deadline. */
#define WAIT_RESUMED ((lua_KContext)1)

/* The call has paused (wait_briefly), and its deadline has not come; or it has
 * let others run between two of its steps (wait_go_on). */
#define WAIT_PAUSED ((lua_KContext)2)

#endif
