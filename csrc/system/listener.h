/*
 * listener: who hears a signal, beside the handler that sockeye.signal sets.
 *
 * The listeners of a Lua state stand in a table, at index `table` of the stack:
 * for each signal's number the list of those who hear it, in the order in which
 * they came. A signal that has come is first noted for each of them (marked),
 * then delivered to one after the other, so that one that raises an error keeps
 * no other from hearing it.
 */
#ifndef SOCKEYE_SYSTEM_LISTENER_H
#define SOCKEYE_SYSTEM_LISTENER_H

#include <stdbool.h>

#include <lua.h>

struct listener {
    int number;       /* of its signal */
    unsigned process; /* process_number where it was added */
    bool marked;      /* the signal has come, and it has not yet heard it */
};

/* Push a new listener, which hears the signal from now on. The value on top is
 * its function, which it replaces; the one below, which stays, its task. */
struct listener *listener_add(lua_State *L, int table, int number);

struct listener *listener_check(lua_State *L, int arg);

/* Remove it. False: it is not in the table. Needs no memory. */
bool listener_remove(lua_State *L, int table, struct listener *l);

/* Push its function. */
void listener_push_function(lua_State *L, int index);

/* Whether somebody hears the signal. */
bool listener_is_any(lua_State *L, int table, int number);

void listener_mark(lua_State *L, int table, int number);

/* Push the function of a marked listener of the signal, which is marked no
 * more. False: there is none, and nothing is pushed. */
bool listener_take(lua_State *L, int table, int number);

/* Whether there is a marked one, of any signal. */
bool listener_is_marked(lua_State *L, int table);

/* In a forked child: remove the listeners of tasks that are the parent's.
 * Returns whether there was one. */
bool listener_end_fork(lua_State *L, int table, int number);

/* Push the metatable, for the module to be opened. */
void listener_prepare(lua_State *L);

#endif
