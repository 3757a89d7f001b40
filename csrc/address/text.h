/*
 * text: makes addresses from text, and reads address arguments.
 */
#ifndef SOCKEYE_ADDRESS_TEXT_H
#define SOCKEYE_ADDRESS_TEXT_H

#include <lua.h>

#include "address/address.h"

/* Return the address at `arg`. A string in sockeye.address's form is replaced
 * by its address; anything else raises an argument error. */
const struct address *address_check(lua_State *L, int arg);

/* As address_check, for any absolute index; instead of raising, pushes what is
 * wrong and returns NULL. */
const struct address *address_read(lua_State *L, int index);

#endif
