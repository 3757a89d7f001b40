/*
 * host: IP addresses without a port.
 *
 * A script gives one as numeric text or as an Address, whose port is ignored.
 * The system's structures hold only the bytes.
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

/* Read the host on top of the stack, the value of the argument's field. Raises
 * an argument error, also for another family than `family`; AF_UNSPEC allows
 * either. */
void host_check(lua_State *L, int arg, const char *field, int family,
                struct host *host);

/* Get the field from the table at `arg` and call host_check. */
void host_check_field(lua_State *L, int arg, const char *field, int family,
                      struct host *host);

/* Read the numeric text on top of the stack, or an address. Returns false if it
 * is no IP address. */
bool host_parse(lua_State *L, struct host *host);
bool host_of(struct host *host, const struct sockaddr *name);

bool host_is_same(const struct host *a, const struct host *b);

/* Store the host as a sockaddr without a port, as groups and sources need
 * it. */
void host_store(struct sockaddr_storage *name, const struct host *host);

/* Push the text of a struct in_addr or in6_addr. */
void host_push(lua_State *L, int family, const void *bytes);

#endif
