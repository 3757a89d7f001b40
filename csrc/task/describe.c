/*
 * describe: what tasks, groups and loops are doing, as tostring says it; see
 * describe.h.
 *
 *     task (waiting in recv, spawned at server.lua:12)
 *     group (3 tasks, cancelled)
 *     loop (2 tasks)
 */
#include "base/argument.h"
#include "base/metatable.h"
#include "open.h"
#include "task/describe.h"
#include "task/group.h"
#include "task/origin.h"
#include "task/task.h"

const char *describe_status(const struct task *t)
{
    static const char *const names[] = {
        "ready", "running", "waiting", "done", "failed", "cancelled", "killed"};

    return names[t->status];
}

static const char *plural(int count)
{
    return count == 1 ? "" : "s";
}

static int task_tostring(lua_State *L)
{
    const struct task *t = task_check(L, 1);

    lua_pushfstring(L, "task (%s", describe_status(t));
    if (t->status == TASK_WAITING && t->call != NULL)
        lua_pushfstring(L, " in %s", t->call);
    if (origin_push(L, t)) {
        lua_pushliteral(L, ", spawned at ");
        lua_insert(L, -2);
    }
    lua_pushliteral(L, ")");
    lua_concat(L, lua_gettop(L) - 1);
    return 1;
}

/* The tasks that have not ended, apart from daemons, and these. */
static int group_tostring(lua_State *L)
{
    const struct group *group = group_check(L, 1);
    int tasks = group->count - group->daemons;

    if (group_has_ended(group)) {
        lua_pushliteral(L, "group (ended)");
        return 1;
    }
    lua_pushfstring(L, "group (%d task%s", tasks, plural(tasks));
    if (group->daemons > 0)
        lua_pushfstring(L, ", %d daemon%s", group->daemons,
                        plural(group->daemons));
    if (group->scope.base.canceled)
        lua_pushliteral(L, ", cancelled");
    lua_pushliteral(L, ")");
    lua_concat(L, lua_gettop(L) - 1);
    return 1;
}

void describe_push_loop(lua_State *L, const struct loop *loop)
{
    int tasks = 0;

    if (loop == NULL) {
        lua_pushliteral(L, "loop (closed)");
        return;
    }
    for (const struct task *t = loop_first(loop); t != NULL; t = t->next)
        tasks += !task_has_ended(t);
    lua_pushfstring(L, "loop (%d task%s)", tasks, plural(tasks));
}

void open_describe(lua_State *L)
{
    static const luaL_Reg of_tasks[] = {
        {"__tostring", task_tostring},
        {NULL, NULL},
    };
    static const luaL_Reg of_groups[] = {
        {"__tostring", group_tostring},
        {NULL, NULL},
    };

    metatable_push(L, "sockeye.Task", of_tasks);
    lua_pop(L, 1);
    group_add_metamethods(L, of_groups);
}
