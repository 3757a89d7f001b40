/*
 * tick: a signal is sent again, by a timer of its own, until it is attended to.
 *
 * resend_start, resend_stop and resend_is may be called in a signal handler.
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
void resend_create(int number);
void resend_delete(int number);

/* In a forked child: timers stay with the parent. */
void resend_inherit(int number);

/* Send the signal once, shortly; or no more. */
void resend_start(int number);
void resend_stop(int number);

/* Whether what has come is a tick. */
bool resend_is(const siginfo_t *info);

#endif
