/*
 * family: the interface of an address family to families.c, text.c and
 * methods.c.
 *
 * Each family other than inet, inet6 and unix is a file that defines a `struct
 * address_family`. families.c lists them; a system that lacks a family lacks
 * its row.
 */
#ifndef SOCKEYE_ADDRESS_FAMILY_H
#define SOCKEYE_ADDRESS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <lua.h>

#include "address/address.h"

struct address_field {
    const char *name;
    void (*push)(lua_State *L, const struct address *a);
};

enum address_kind { KIND_ANY, KIND_LOOPBACK, KIND_MULTICAST, KIND_OTHER };

struct address_family {
    int family;
    const char *prefix; /* begins the printed form: "packet:" */
    /* Set unused bytes to zero and return the structure's length. Bytes that
     * the kernel did not write are zero already. */
    size_t (*normalise)(struct address *a);
    /* Read the printed form without its prefix. Returns NULL, or what is
     * wrong. */
    const char *(*parse)(lua_State *L, struct address *a, const char *text);
    void (*print)(lua_State *L, const struct address *a);
    const struct address_field *fields; /* ends with a row without a name */
    bool (*is[KIND_OTHER])(const struct address *a); /* NULL: never */
    /* Set the family's constructor and constants in the module table on top. */
    void (*open)(lua_State *L);
};

/* Make `a` an address of the family with all other bytes zero. */
static inline void address_reset(struct address *a,
                                 const struct address_family *f)
{
    memset(a->bytes, 0, a->capacity);
    a->any.sa_family = (sa_family_t)f->family;
    a->length = (socklen_t)f->normalise(a);
}

#endif
