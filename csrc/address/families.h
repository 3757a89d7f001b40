/*
 * families: functions that know all families of addresses.
 */
#ifndef SOCKEYE_ADDRESS_FAMILIES_H
#define SOCKEYE_ADDRESS_FAMILIES_H

#include <sys/socket.h>

#include <lua.h>

#include "address/family.h"

/* Return the row of the address's family, or of the family whose prefix the
 * text begins with; NULL if it has none. */
const struct address_family *address_family(const struct address *a);
const struct address_family *address_family_named(const char *text);

/* Return the row with this index, from 0 on; NULL after the last one. */
const struct address_family *address_family_at(int i);

/* Normalise the address after the kernel or a script has written `length` bytes
 * to a->bytes. */
void address_normalise(struct address *a, socklen_t length);

/* Push an address with a copy of the kernel's bytes. */
void address_push(lua_State *L, const struct sockaddr *from, socklen_t length);

#endif
