/*
 * families: what needs to know all families of addresses.
 */
#ifndef SOCKEYE_ADDRESS_FAMILIES_H
#define SOCKEYE_ADDRESS_FAMILIES_H

#include <sys/socket.h>

#include <lua.h>

#include "address/family.h"

/* The row of the address's family, or of the one whose printed form the text
 * is; NULL: it has none. */
const struct address_family *address_family(const struct address *a);
const struct address_family *address_family_named(const char *text);

/* Normalise the `length` bytes that the kernel or a script wrote into
 * a->bytes. */
void address_normalise(struct address *a, socklen_t length);

/* Push a copy of the kernel's address. */
void address_push(lua_State *L, const struct sockaddr *from, socklen_t length);

#endif
