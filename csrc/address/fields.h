/*
 * fields: the fields of an address, of every family.
 */
#ifndef SOCKEYE_ADDRESS_FIELDS_H
#define SOCKEYE_ADDRESS_FIELDS_H

#include <stdbool.h>

#include <lua.h>

#include "address/address.h"
#include "base/argument.h"

/* Push the numeric host, or nil. */
void fields_push_host(lua_State *L, const struct address *a);

/* Push the field that the string at 2 names. Returns false, having pushed
 * nothing, if addresses of this family have no such field. */
bool fields_push(lua_State *L, const struct address *a);

/* Return whether addresses of another family have the field that the string at
 * 2 names. */
bool fields_is_of_another(lua_State *L);

/* Raise that no address has a field or method named by the string at 2. */
int fields_raise_unknown(lua_State *L, const struct address *a,
                         const luaL_Reg *methods);

#endif
