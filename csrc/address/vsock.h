/*
 * vsock: the family of the addresses of virtual machines.
 */
#ifndef SOCKEYE_ADDRESS_VSOCK_H
#define SOCKEYE_ADDRESS_VSOCK_H

#include "address/family.h"

extern const struct address_family vsock_family; /* where there is Linux */

#endif
