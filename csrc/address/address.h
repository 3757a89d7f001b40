/*
 * address: socket addresses as immutable userdata.
 *
 * A `struct address` is normalised when it is made, so that equal addresses
 * have equal bytes and equal lengths: the tail is zero, and a path ends with a
 * zero if one fits. The rest of the structure is as the kernel takes it.
 */
#ifndef SOCKEYE_ADDRESS_ADDRESS_H
#define SOCKEYE_ADDRESS_ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <lua.h>

#include "base/names.h"

#define ADDRESS_TYPE "sockeye.Address"
#define SUN_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define SUN_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

struct address {
    const void *tag; /* &address_tag: distinguishes it from other userdata */
    socklen_t length;
    socklen_t capacity; /* bytes allocated, which may end within the union */
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
        unsigned char bytes[sizeof(struct sockaddr_storage)];
    };
};

extern const struct names address_family_names;

/* Push an address without a family, for a call to fill in. It holds an address
 * of any family, or of the given one. */
struct address *address_new(lua_State *L);
struct address *address_new_of(lua_State *L, int family);

/* Return the address at `arg`, or NULL if it is something else. */
const struct address *address_test(lua_State *L, int arg);

/* Return the family at `arg`, a name or a number; raises an argument error. */
int address_check_family(lua_State *L, int arg);

/* Return the error of a lookup of an interface that has just failed.
 * glibc reports ENOENT if it could not open a socket to ask the kernel with:
 * descriptors have run out. */
int address_lookup_error(void);

/* Return the index of the interface called `name`, or 0 if there is none.
 * Raises EMFILE or ENFILE if no descriptor is left for the lookup, and whatever
 * else keeps it from being made. */
uint32_t address_find_interface(lua_State *L, const char *name);

#endif
