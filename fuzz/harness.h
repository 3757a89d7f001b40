/*
 * harness: what all fuzz targets are run by.
 *
 * A target is a Lua function, written in C or in fuzz/NAME.lua, that takes the
 * input as a string and raises what it finds wrong. It runs in a Lua state of
 * its own, whose memory can be made to fail; its stack, and the descriptors of
 * the process, have to be the same afterwards.
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
    long left;    /* requests until it fails; -1: it does not */
    bool refused; /* a request, since fuzz_starve began */
    char problem[1024];
};

/* Begin with a target. False: `problem` says why not. */
bool fuzz_open(struct fuzz *f, const char *name);

/* Run it with an input. False: `problem` says what is wrong. */
bool fuzz_run(struct fuzz *f, const void *bytes, size_t size);

/* End; false where something stays in memory, or open. */
bool fuzz_close(struct fuzz *f);

/* ---- for targets ---- */

/* An input, taken from the front; zeros follow its end. */
struct supply {
    const unsigned char *bytes;
    size_t left;
};

struct supply supply_of(lua_State *L, int arg);
unsigned take_byte(struct supply *s);
const unsigned char *take_bytes(struct supply *s, size_t *size);

/* Raise the text unless it holds. */
void fuzz_check(lua_State *L, bool holds, const char *text);

/* lua_pcall with memory for `requests` of them, and without a limit for a
 * negative number. */
int fuzz_starve(lua_State *L, long requests, int arguments, int results);

/* Memory for so many from here to the end of fuzz_starve. */
void fuzz_limit(lua_State *L, long requests);

/* After a failed fuzz_starve: the error on top has to be a sockeye error or
 * name a wrong argument; or memory was refused. */
void fuzz_check_error(lua_State *L);

/* Push a copy that ends where its memory does. */
void *push_exact(lua_State *L, const void *bytes, size_t size);

/* The open UDP socket of the state. */
struct socket *fuzz_socket(lua_State *L);

int fuzz_control_read(lua_State *L);
int fuzz_control_write(lua_State *L);
int fuzz_netlink_walk(lua_State *L);

#endif
