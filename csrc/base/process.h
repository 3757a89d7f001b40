/*
 * process: which of several processes, each forked from another, this is.
 */
#ifndef SOCKEYE_BASE_PROCESS_H
#define SOCKEYE_BASE_PROCESS_H

#include <stdatomic.h>

/* A number that a forked child does not share with its parent. What was made
 * under another number belongs to the parent. */
extern unsigned process_number;

/* How many children this process has forked since it loaded the module: they
 * share the descriptors of that time. */
extern atomic_uint process_children;

#endif
