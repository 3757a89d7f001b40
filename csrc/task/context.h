/*
 * context: what the context of a continuation says in this library.
 *
 * A step, which makes a call and is its own continuation, learns from its
 * context why it runs. How far the call had come is kept in the task (wait.h),
 * for a context has no more than 32 bits where pointers have no more.
 */
#ifndef SOCKEYE_TASK_CONTEXT_H
#define SOCKEYE_TASK_CONTEXT_H

#include <lua.h>

/* The call has yielded before its first attempt, which is still to be made. */
#define WAIT_POSTPONED ((lua_KContext)-1)

/* The call begins. */
#define WAIT_FIRST ((lua_KContext)0)

/* The call has waited: for what it wanted, or until its deadline. */
#define WAIT_RESUMED ((lua_KContext)1)

/* The call has paused (wait_briefly), and its deadline has not come. */
#define WAIT_PAUSED ((lua_KContext)2)

#endif
