/*
 * interface: finds the interface that a script names.
 *
 * A script gives an interface's name, its index or one of its addresses; each
 * of the system's structures holds only one of these.
 */
#ifndef SOCKEYE_OPTION_INTERFACE_H
#define SOCKEYE_OPTION_INTERFACE_H

#include <netinet/in.h>

#include <lua.h>

#include "address/host.h"

/* An interface as a script named it. */
struct link {
    unsigned index;    /* 0: not known yet */
    struct host local; /* the address that names it; family 0: none */
};

/* Read the interface on top of the stack: the value of the argument, or of its
 * field if `field` is not NULL. Raises an argument error. */
void interface_check(lua_State *L, int arg, const char *field,
                     struct link *link);

/* Read the field 'interface', which may be absent, of the table at `arg`. */
void interface_check_field(lua_State *L, int arg, struct link *link);

/* Return the interface's index, or 0 to let the system choose. */
unsigned interface_index(lua_State *L, int arg, const char *field,
                         struct link *link);

/* Return an IPv4 address of the interface, or INADDR_ANY to let the system
 * choose. */
struct in_addr interface_ipv4(lua_State *L, int arg, struct link *link);

#endif
