/*
 * group: groups of tasks as userdata.
 */
#ifndef SOCKEYE_TASK_GROUP_H
#define SOCKEYE_TASK_GROUP_H

#include <stdbool.h>

#include <lua.h>

#include "base/argument.h"
#include "loop/state.h"

/* Push a new group, whose scope is in no other, with a deadline. `owner` is the
 * task that opens it, which the group keeps alive; or NULL. */
struct group *group_new(lua_State *L, struct loop *loop, struct task *owner,
                        int64_t deadline);

/* The group at `arg`. Raises an argument error if it is none. */
struct group *group_check(lua_State *L, int arg);

/* Let t, which is on top of the stack, be the owner of the group at `index`. */
void group_set_owner(lua_State *L, int index, struct task *t);

/* Move t, the only task of the loop, into the loop's group, which is at
 * `index`, as its owner, and clear the group's failure. */
void group_take(lua_State *L, int index, struct task *t);

/* Pop the error that a task of the group at `index`, or its body, has failed
 * with. The first cancels the group, and is kept; returns false, having popped
 * nothing, for a further one. */
bool group_fail(lua_State *L, int index);

/* Push the error that group_fail kept. */
void group_push_failure(lua_State *L, int index);

/* Pop the traceback of that error; push it, or nil. */
void group_set_traceback(lua_State *L, int index);
void group_push_traceback(lua_State *L, int index);

/* Note that a task of the group has ended: when only daemons are left, they are
 * cancelled; when none is, the owner that waits for that goes on. */
void group_note_end(struct group *group, const struct task *t);

/* Cancel the daemons of a group that has nothing else to wait for. */
void group_end_daemons(struct group *group);

/* The group has ended: nothing can be spawned into it any more. */
void group_end(lua_State *L, struct group *group);

/* Whether the group has ended, or its loop. */
bool group_has_ended(const struct group *group);

/* Add another file's methods, or metamethods, to the type. */
void group_add_methods(lua_State *L, const luaL_Reg *methods);
void group_add_metamethods(lua_State *L, const luaL_Reg *metamethods);

#endif
