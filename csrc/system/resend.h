/*
 * tick: a signal is sent again, by a timer of its own, until it is attended to.
 *
 * tick_start, tick_stop and tick_is may be called in a signal handler.
 */
#ifndef SOCKEYE_SYSTEM_RESEND_H
#define SOCKEYE_SYSTEM_RESEND_H

#include <signal.h>
#include <stdbool.h>

#ifndef NSIG
#define NSIG 65
#endif

/* Have a tick for the signal `number`, sent to the calling thread. Where the
 * system has none to give, the functions below do nothing. */
void tick_create(int number);
void tick_delete(int number);

/* In a forked child: timers stay with the parent. */
void tick_inherit(int number);

/* Send the signal once, shortly; or no more. */
void tick_start(int number);
void tick_stop(int number);

/* Whether what has come is a tick. */
bool tick_is(const siginfo_t *info);

#endif
