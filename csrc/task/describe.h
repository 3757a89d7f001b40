/*
 * describe: what tasks, groups and loops are doing, as tostring says it.
 */
#ifndef SOCKEYE_TASK_DESCRIBE_H
#define SOCKEYE_TASK_DESCRIBE_H

#include <lua.h>

struct loop;
struct task;

/* Return the name of a task's state: "waiting". */
const char *describe_status(const struct task *t);

/* Push the text of a loop; NULL: it is closed. */
void describe_push_loop(lua_State *L, const struct loop *loop);

#endif
