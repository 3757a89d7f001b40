/*
 * vsock: the address family of virtual machines and their host.
 */
#ifndef SOCKEYE_ADDRESS_VSOCK_H
#define SOCKEYE_ADDRESS_VSOCK_H

#include "address/family.h"

extern const struct address_family vsock_family; /* on Linux */

#endif
