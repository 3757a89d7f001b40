/*
 * host: the hosts of IP, addresses without a port, as scripts give them.
 *
 * A script gives one as numeric text or as an Address, whose port is left out;
 * each structure of the system wants the bytes alone.
 */
#ifndef SOCKEYE_ADDRESS_HOST_H
#define SOCKEYE_ADDRESS_HOST_H

#include <netinet/in.h>
#include <stdbool.h>
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

/* The host on top of the stack, the field `field` of the argument, of `family`
 * if that is one; else argument error. */
void host_check(lua_State *L, int arg, const char *field, int family,
                struct host *host);

/* The same for the field itself, of the table at `arg`. */
void host_check_field(lua_State *L, int arg, const char *field, int family,
                      struct host *host);

/* From the text on top of the stack, and from an address. False: it is none. */
bool host_parse(lua_State *L, struct host *host);
bool host_of(struct host *host, const struct sockaddr *name);

bool host_is_same(const struct host *a, const struct host *b);

/* As much of a sockaddr as a group or source needs. */
void host_store(struct sockaddr_storage *name, const struct host *host);

/* Push the text of the family's struct in_addr or in6_addr. */
void host_push(lua_State *L, int family, const void *bytes);

#endif
