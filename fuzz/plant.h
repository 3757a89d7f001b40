/*
 * plant: puts open descriptors into control data, as the kernel does.
 */
#ifndef SOCKEYE_FUZZ_PLANT_H
#define SOCKEYE_FUZZ_PLANT_H

#include <sys/socket.h>

#define MOST_PLANTED 40 /* descriptors in one message */

/* Replace each descriptor in the control data by a new one, a copy of `source`;
 * those beyond MOST_PLANTED by -1. */
void plant_descriptors(struct msghdr *message, int source);

#endif
