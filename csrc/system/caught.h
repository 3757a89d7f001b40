/*
 * caught: signals between the moment in which they come and that in which their
 * handler in Lua runs.
 *
 * Signals belong to the process, and so does this. One Lua state at a time may
 * have handlers. The functions are its own to call, in the thread in which it
 * runs.
 */
#ifndef SOCKEYE_SYSTEM_CAUGHT_H
#define SOCKEYE_SYSTEM_CAUGHT_H

#include <signal.h>
#include <stdbool.h>

#include <lua.h>

/* Make the state of this main thread the one with handlers, in this thread.
 * `handlers` is called when a signal was caught. False: another state has
 * handlers. */
bool caught_claim(lua_State *main, lua_CFunction handlers);
bool caught_is_owner(const lua_State *main);

/* From here on no handler in C uses the state, in whichever thread, and no
 * signal is sent on. Every signal is blocked. */
void caught_leave(void);

/* Let another state have handlers. */
void caught_release(void);

/* The action by which a signal is caught, and whether an action is that. */
struct sigaction caught_action(void);
bool caught_is_action(const struct sigaction *action);

/* Set an action of either kind. Signals that were caught before are taken, and
 * not subject to it: sets `*taken` if there was one, whose handler has not yet
 * run. Returns zero or errno. */
int caught_set_action(int number, const struct sigaction *action, bool *taken);

/* Take the signal, if one was caught, for its handler to be run. */
bool caught_take(int number);

/* Whether a signal is still to be taken. */
bool caught_is_any(void);

/* Have the hook run again. */
void caught_run_later(void);

/* Send a signal that this state handles: to this thread alone; or by kill(2) to
 * a process group to which this process belongs. It has been caught when they
 * return. Return zero or errno. */
int caught_send_self(int number);
int caught_send_group(pid_t group, int number);

/* Held where what belongs to the process is changed that more than one Lua
 * state may change, and during fork(2). */
void caught_lock(void);
void caught_unlock(void);

/* Call it when the module is loaded. */
void caught_prepare(void);

#endif
