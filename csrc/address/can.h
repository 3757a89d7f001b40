/*
 * can: the family of addresses of the CAN bus.
 */
#ifndef SOCKEYE_ADDRESS_CAN_H
#define SOCKEYE_ADDRESS_CAN_H

#include "address/family.h"

extern const struct address_family can_family;

#endif
