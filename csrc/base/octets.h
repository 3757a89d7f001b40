/*
 * octets: hardware addresses as bytes and as text: "02:42:ac:11:00:02".
 */
#ifndef SOCKEYE_BASE_OCTETS_H
#define SOCKEYE_BASE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

/* Push the text of the octets, in lower case. */
void octets_push(lua_State *L, const unsigned char *octets, size_t count);

/* Read octets from text. Returns false if it is malformed or has more than
 * `most`. */
bool octets_parse(const char *text, unsigned char *octets, size_t most,
                  size_t *count);

/* Read the hardware address in the field `address` of the table at `arg`, given
 * as text or as bytes. Returns how many octets it has; 0: no field. */
size_t octets_check(lua_State *L, int arg, unsigned char *octets, size_t most);

#endif
