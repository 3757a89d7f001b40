/*
 * signal_table: the handlers and listeners of a Lua state.
 *
 * Two tables of the state have them by the number of the signal: one what
 * sockeye.signal has set, the other who listens (listener.h). They are of use
 * while the signal is caught.
 */
#ifndef SOCKEYE_SYSTEM_SIGNAL_TABLE_H
#define SOCKEYE_SYSTEM_SIGNAL_TABLE_H

#include <stdbool.h>

#include <lua.h>

#include "system/disposition.h"

/* Make the tables, for the module to be opened. */
void signal_table_prepare(lua_State *L);

/* Push both tables, the listeners on top. Raises an error while the state ends;
 * the other returns false then, and pushes nothing. */
void signal_table_push(lua_State *L);
bool signal_table_push_if_any(lua_State *L);

/* Make this state the one whose handlers run. While another state ends, what it
 * has set may be read before. Returns whether it is. */
bool signal_table_claim(lua_State *L);

/* Set what the process does. Returns as disposition_set. */
int signal_table_change(lua_State *L, int number, enum disposition disposition,
                        bool *taken);

/* Nobody listens to the signal any more: set what sockeye.signal has set, unless
 * that is a handler, or what was there before. `set`: the index of the first
 * table. Returns as disposition_set. */
int signal_table_end(lua_State *L, int set, int number, bool *taken);

/* Pop a function, and call it with the signal. */
void signal_table_call(lua_State *L, int number);

/* Let a signal that came before be handled by the handler of that time, at index
 * `handler`, unless that is no function, and by those who listen. */
void signal_table_handle(lua_State *L, int number, int handler);

/* In a forked child, in which the tasks of the parent have been forgotten:
 * forget their listening, too. */
void signal_table_end_fork(lua_State *L);

#endif
