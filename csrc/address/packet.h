/*
 * packet: the address family of the link layer.
 */
#ifndef SOCKEYE_ADDRESS_PACKET_H
#define SOCKEYE_ADDRESS_PACKET_H

#include "address/family.h"

extern const struct address_family packet_family; /* on Linux */

#endif
