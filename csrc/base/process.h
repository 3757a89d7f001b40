/*
 * process: which of several processes, each forked from another, this is.
 */
#ifndef SOCKEYE_BASE_PROCESS_H
#define SOCKEYE_BASE_PROCESS_H

/* A number that a forked child does not share with its parent. What was made
 * under another number belongs to the parent. */
extern unsigned process_number;

#endif
