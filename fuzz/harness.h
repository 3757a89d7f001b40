/*
 * harness: runs the fuzz targets.
 *
 * A target is a Lua function, written in C or in fuzz/NAME.lua, that takes the
 * input as a string and raises an error if it finds something wrong. It runs
 * in a Lua state of its own, whose allocations can be made to fail. Afterwards
 * its stack and the open descriptors of the process must be as before.
 */
#ifndef SOCKEYE_FUZZ_HARNESS_H
#define SOCKEYE_FUZZ_HARNESS_H

#include <stdbool.h>
#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

struct fuzz_target {
    const char *name;
    lua_CFunction run; /* NULL: fuzz/NAME.lua returns it */
};

extern const struct fuzz_target fuzz_targets[]; /* the last has no name */

struct fuzz {
    const struct fuzz_target *target;
    lua_State *L;
    size_t used;  /* bytes of the state's memory */
    long left;    /* allocations until one fails; -1: none does */
    bool refused; /* an allocation, since fuzz_starve began */
    char problem[1024];
};

/* Open a target. Returns false if it cannot; `problem` says why. */
bool fuzz_open(struct fuzz *f, const char *name);

/* Run the target with an input. Returns false if a check fails; `problem` says
 * what is wrong. */
bool fuzz_run(struct fuzz *f, const void *bytes, size_t size);

/* Close the target. Returns false if memory is not freed or a descriptor is
 * still open. */
bool fuzz_close(struct fuzz *f);

/* ---- for targets ---- */

/* An input, consumed from the front; zeros follow its end. */
struct supply {
    const unsigned char *bytes;
    size_t left;
};

struct supply supply_of(lua_State *L, int arg);
unsigned take_byte(struct supply *s);
const unsigned char *take_bytes(struct supply *s, size_t *size);

/* Raise the text unless `holds`. */
void fuzz_check(lua_State *L, bool holds, const char *text);

/* lua_pcall that fails the allocation after `requests`; a negative number sets
 * no limit. */
int fuzz_starve(lua_State *L, long requests, int arguments, int results);

/* Set the number of allocations left until the end of fuzz_starve. */
void fuzz_limit(lua_State *L, long requests);

/* Called after fuzz_starve failed: checks that the error on top is a sockeye
 * error or names a wrong argument, or that memory was refused. */
void fuzz_check_error(lua_State *L);

/* Push a copy in a block of exactly its size, so that overreads are found. */
void *push_exact(lua_State *L, const void *bytes, size_t size);

/* Return the state's UDP socket, which is open. */
struct socket *fuzz_socket(lua_State *L);

int fuzz_control_read(lua_State *L);
int fuzz_control_write(lua_State *L);
int fuzz_netlink_walk(lua_State *L);

#endif
