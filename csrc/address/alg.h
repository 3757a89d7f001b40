/*
 * alg: the family of addresses of the kernel's algorithms.
 */
#ifndef SOCKEYE_ADDRESS_ALG_H
#define SOCKEYE_ADDRESS_ALG_H

#include "address/family.h"

extern const struct address_family alg_family;

#endif
