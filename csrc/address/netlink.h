/*
 * netlink: the address family of netlink sockets.
 */
#ifndef SOCKEYE_ADDRESS_NETLINK_H
#define SOCKEYE_ADDRESS_NETLINK_H

#include "address/family.h"

extern const struct address_family netlink_family; /* on Linux */

#endif
