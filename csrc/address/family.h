/*
 * sockaddr_family: what the families of addresses other than inet, inet6 and
 * unix are to the rooms that hold addresses of any; see sockaddr.h.
 *
 * Each family is a room with a row here; a system that lacks the family lacks
 * the row.
 */
#ifndef SOCKEYE_ADDRESS_FAMILY_H
#define SOCKEYE_ADDRESS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "address/address.h"
#include "base/names.h"

struct address_field {
    const char *name;
    void (*push)(lua_State *L, const struct address *a);
};

enum address_kind { KIND_ANY, KIND_LOOPBACK, KIND_MULTICAST, KIND_OTHER };

struct address_family {
    int family;
    const char *prefix; /* of the printed form: "packet:" */
    /* Zero what means nothing; the length that the structure is to have. What
     * the kernel did not write is zero. */
    size_t (*settle)(struct address *a);
    /* From the printed form without its prefix: NULL, or what is wrong. */
    const char *(*parse)(lua_State *L, struct address *a, const char *text);
    void (*print)(lua_State *L, const struct address *a);
    const struct address_field *fields; /* ends with one without a name */
    bool (*is[KIND_OTHER])(const struct address *a); /* NULL: never */
};

extern const struct address_family packet_family;
extern const struct address_family netlink_family;
extern const struct address_family vsock_family;

/* The row of the address's family, or of the one whose printed form the text
 * is; NULL: it has none. */
const struct address_family *address_family(const struct address *a);
const struct address_family *address_family_named(const char *text);

/* Make `a` one of the family, all zero. */
void address_reset(struct address *a, const struct address_family *f);

/* The constructors and the constants, into the module table on top. */
void open_sockaddr_families(lua_State *L);
void open_sockaddr_packet(lua_State *L);
void open_sockaddr_netlink(lua_State *L);
void open_sockaddr_vsock(lua_State *L);

#endif
