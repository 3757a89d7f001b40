/*
 * live: the tables that keep tasks alive until they end.
 *
 * Each loop has one, which its userdata keeps alive. Its keys are pointers to
 * the tasks, to the groups that have failed, and to the loop for its group.
 */
#ifndef SOCKEYE_TASK_LIVE_H
#define SOCKEYE_TASK_LIVE_H

#include <lua.h>

struct loop;
struct task;

/* Create and push the table of a loop. */
void task_open_loop(lua_State *L, const struct loop *loop);

/* Let the table on top be that of the loop. The collector has made the registry
 * forget it where the loop's userdata is garbage, whose tasks are to be closed
 * yet. */
void task_keep_loop(lua_State *L, const struct loop *loop);

/* Push the table of a loop, or the userdata of a task that has not ended. */
void task_push_live(lua_State *L, const struct loop *loop);
void task_push(lua_State *L, const struct task *t);

/* Let the table of a loop have the value on top, which is popped, for a pointer;
 * let it have none, which needs no memory. */
void task_hold(lua_State *L, const struct loop *loop, const void *key);
void task_release(lua_State *L, const struct loop *loop, const void *key);

#endif
