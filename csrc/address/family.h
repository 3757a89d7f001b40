/*
 * family: what families.c, text.c and methods.c ask a family of addresses other
 * than inet, inet6 and unix.
 *
 * Each such family is a file, which defines one of these; families.c has the
 * table. A system that lacks the family lacks the row.
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
    const char *prefix; /* of the printed form: "packet:" */
    /* Set what means nothing to zero. Returns the length of the structure. What
     * the kernel did not write is zero already. */
    size_t (*normalise)(struct address *a);
    /* Read the printed form without its prefix. NULL, or what is wrong. */
    const char *(*parse)(lua_State *L, struct address *a, const char *text);
    void (*print)(lua_State *L, const struct address *a);
    const struct address_field *fields; /* ends with one without a name */
    bool (*is[KIND_OTHER])(const struct address *a); /* NULL: never */
    /* Set its constructor and constants in the module table on top. */
    void (*open)(lua_State *L);
};

/* Make `a` one of the family, all zero. */
static inline void address_reset(struct address *a,
                                 const struct address_family *f)
{
    memset(a->bytes, 0, a->room);
    a->any.sa_family = (sa_family_t)f->family;
    a->length = (socklen_t)f->normalise(a);
}

#endif
