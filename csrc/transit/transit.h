/*
 * transit: a call that moves bytes from one descriptor to another without
 * passing them through Lua, and inside the kernel where it can: sendfile,
 * splice and pipe.
 *
 * Such a call creates a transit, which stays at index TRANSIT of its stack and
 * is closed when it ends, sets its two ends, and runs it:
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

enum { TRANSIT = 5 }; /* stack index, above the arguments */

/* The continuation of every such call, for its struct call. */
int transit_step(lua_State *L, int status, lua_KContext context);

/* Push a transit, which must become index TRANSIT; it is closed when the call
 * ends. `calls` has two elements, for READING and WRITING. */
struct transit *transit_push(lua_State *L, const struct call *calls);

/* Set an end: to the socket at `arg`, or to a duplicate of the Lua file or
 * descriptor there. */
void transit_end_take(lua_State *L, struct end *end, int arg, const char *call);

/* Set an end likewise, or, where `arg` is a path, to that file, opened for
 * reading. */
void transit_end_open(lua_State *L, struct end *end, int arg, const char *call);

/* Set an end to the stream at `arg`, which must be open. */
void transit_end_stream(lua_State *L, struct end *end, int arg,
                        const char *call);

/* Move the bytes, and push the call's results or raise its error. */
int transit_run(lua_State *L, struct transit *m);

/* The offset at `arg`, CURRENT_POSITION if absent; the count at `arg`,
 * UINT64_MAX if absent. They raise argument errors. */
int64_t transit_offset(lua_State *L, int arg);
uint64_t transit_count(lua_State *L, int arg);

#endif
