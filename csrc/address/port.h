/*
 * port: ports and services as scripts give them.
 *
 * The C library cuts a port to 16 bits and passes over white space before it.
 * So a text is a port only if all of it is decimal digits.
 */
#ifndef SOCKEYE_ADDRESS_PORT_H
#define SOCKEYE_ADDRESS_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

/* Read a text that is a port. Returns false for any other text. */
bool port_parse(const char *text, uint16_t *port);

/* Return the port at `arg`, an integer or a text, in host byte order; raises an
 * argument error. */
uint16_t port_check(lua_State *L, int arg);
uint16_t port_opt(lua_State *L, int arg);

/* Return the service at `arg`, a name or a port, as text, which replaces a
 * number there; NULL for nil. Raises an argument error. */
const char *port_opt_service(lua_State *L, int arg);

#endif
