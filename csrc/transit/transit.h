/*
 * transit: the call that moves bytes from one descriptor to another, past Lua
 * and, where the system can, past this process: sendfile, splice and pipe.
 *
 * A call makes a transit, which stays at TRANSIT on its stack and is closed
 * with it, says what its ends are, and runs it:
 *
 *     m = transit_push(L, calls);
 *     m->to.handle = &s->handle;
 *     transit_end_take(L, &m->from, 2, "sendfile");
 *     return transit_run(L, m);
 */
#ifndef SOCKEYE_TRANSIT_TRANSIT_H
#define SOCKEYE_TRANSIT_TRANSIT_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "task/wait.h"
#include "transit/ways.h"

enum { TRANSIT = 5 }; /* its place, above the arguments */

/* The step of such a call. */
int transit_step(lua_State *L, int status, lua_KContext context);

/* Push a transit, to be at TRANSIT, and closed when the call ends. `calls` are
 * two, for READING and WRITING. */
struct transit *transit_push(lua_State *L, const struct call *calls);

/* An end: the socket at `arg`, or a duplicate of the descriptor, Lua file or
 * integer, that is there. */
void transit_end_take(lua_State *L, struct end *end, int arg, const char *call);

/* The same, or a path, which is opened to be read. */
void transit_end_open(lua_State *L, struct end *end, int arg, const char *call);

/* An end: the stream at `arg`, which must be open. */
void transit_end_stream(lua_State *L, struct end *end, int arg,
                        const char *call);

/* Move all that is to be moved. */
int transit_run(lua_State *L, struct transit *m);

/* An offset or a count at `arg`, which may be absent. */
int64_t transit_offset(lua_State *L, int arg);
uint64_t transit_count(lua_State *L, int arg);

#endif
