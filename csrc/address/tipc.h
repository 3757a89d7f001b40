/*
 * tipc: the family of addresses of TIPC.
 */
#ifndef SOCKEYE_ADDRESS_TIPC_H
#define SOCKEYE_ADDRESS_TIPC_H

#include "address/family.h"

extern const struct address_family tipc_family;

#endif
