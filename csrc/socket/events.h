/*
 * events: the events of poll(2) as letters: "r" readable, "w" writable, "p"
 * urgent data.
 */
#ifndef SOCKEYE_SOCKET_EVENTS_H
#define SOCKEYE_SOCKET_EVENTS_H

#include <poll.h>

#include <lua.h>

/* Return the events that the string on top of the stack names; 0, with a text
 * pushed that says why, where it names none. */
short events_read(lua_State *L);

/* The same, but raise an argument error that blames `arg`. */
short events_check(lua_State *L, int arg);

/* Push the letters of the events that are ready. After an error or a hang-up
 * these are all that were asked for: the call that follows raises the error. */
void events_push(lua_State *L, const struct pollfd *p);

#endif
