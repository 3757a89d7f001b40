/*
 * packet: the family of the addresses of the link layer.
 */
#ifndef SOCKEYE_ADDRESS_PACKET_H
#define SOCKEYE_ADDRESS_PACKET_H

#include "address/family.h"

extern const struct address_family packet_family; /* where there is Linux */

#endif
