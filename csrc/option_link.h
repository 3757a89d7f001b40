/*
 * option_link: the hosts and interfaces that a script names.
 *
 * A script names an interface by its name, its index or one of its addresses;
 * each structure of the system wants one of these alone.
 */
#ifndef SOCKEYE_OPTION_LINK_H
#define SOCKEYE_OPTION_LINK_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <lua.h>

/* An IP address of either family. */
struct host {
    int family; /* AF_UNSPEC: none */
    union {
        struct in_addr in;
        struct in6_addr in6;
    };
};

/* An interface as a script named it. */
struct link {
    unsigned index;    /* 0: not named so */
    struct host local; /* one of its addresses, where it was named by that */
};

/* The address in a field of the table at `arg`, of `family` if that is one. */
void check_host(lua_State *L, int arg, const char *field, int family,
                struct host *host);

/* The same for the value on top of the stack. */
void check_host_value(lua_State *L, int arg, const char *field, int family,
                      struct host *host);

/* The interface on top of the stack: the argument, or its field. */
void check_link(lua_State *L, int arg, const char *field, struct link *link);

/* The field 'interface' of the table at `arg`; it may be absent. */
void check_link_field(lua_State *L, int arg, struct link *link);

/* The index of the interface; 0: the choice is the system's. */
unsigned need_index(lua_State *L, int arg, const char *field,
                    struct link *link);

/* An IPv4 address of the interface; INADDR_ANY: the choice is the system's. */
struct in_addr need_local(lua_State *L, int arg, struct link *link);

/* As much of a sockaddr as a group or source needs. */
void store_host(struct sockaddr_storage *name, const struct host *host);

#endif
