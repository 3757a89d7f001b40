/*
 * address: socket addresses as immutable userdata.
 *
 * A `struct address` is normalised when it is made, so that equal addresses are
 * equal bytes of equal length: the tail is zero, a path that is not too long
 * ends with a zero, the rest of the structure is as the kernel takes it.
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
    const void *tag; /* &address_tag in an address alone */
    socklen_t length;
    socklen_t room; /* how many bytes there are; the rest of the union is not */
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

/* Push an address without a family, for a call to fill in: with room for any,
 * or for those of one family. */
struct address *address_new(lua_State *L);
struct address *address_new_of(lua_State *L, int family);

/* The address at `arg`, or NULL where there is none. */
const struct address *address_test(lua_State *L, int arg);

/* The family, for argument errors: a name or a number. */
int address_check_family(lua_State *L, int arg);

/* The index of the interface called `name`; 0: there is none. Raises EMFILE
 * where no descriptor is left to ask through. */
uint32_t address_find_interface(lua_State *L, const char *name);

#endif
