/*
 * interface: the interfaces that a script names.
 *
 * A script names an interface by its name, its index or one of its addresses;
 * each structure of the system wants one of these alone.
 */
#ifndef SOCKEYE_OPTION_INTERFACE_H
#define SOCKEYE_OPTION_INTERFACE_H

#include <netinet/in.h>

#include <lua.h>

#include "address/host.h"

/* An interface as a script named it. */
struct link {
    unsigned index;    /* 0: not named so */
    struct host local; /* one of its addresses, where it was named by that */
};

/* The interface on top of the stack: the argument, or its field. */
void interface_check(lua_State *L, int arg, const char *field,
                     struct link *link);

/* The field 'interface' of the table at `arg`; it may be absent. */
void interface_check_field(lua_State *L, int arg, struct link *link);

/* The index of the interface; 0: the choice is the system's. */
unsigned interface_index(lua_State *L, int arg, const char *field,
                         struct link *link);

/* An IPv4 address of the interface; INADDR_ANY: the choice is the system's. */
struct in_addr interface_ipv4(lua_State *L, int arg, struct link *link);

#endif
