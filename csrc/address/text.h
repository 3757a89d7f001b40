/*
 * text: addresses made of text; and the address in an argument.
 */
#ifndef SOCKEYE_ADDRESS_TEXT_H
#define SOCKEYE_ADDRESS_TEXT_H

#include <lua.h>

#include "address/address.h"

/* The address at `arg`; a string in sockeye.address's form is replaced by it.
 * Anything else is an argument error. */
const struct address *address_check(lua_State *L, int arg);

/* The same for any value, at an absolute index. NULL: what is wrong with it is
 * pushed. */
const struct address *address_read(lua_State *L, int index);

#endif
