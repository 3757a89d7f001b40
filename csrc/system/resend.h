/*
 * resend: resends a caught signal every 20 ms until its Lua handler has run.
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

/* Create a timer that resends the signal `number` to the calling thread. If the
 * system has no more timers, the functions below do nothing. */
void resend_create(int number);
void resend_delete(int number);

/* Send the signal to the calling thread from now on, if there is a timer. */
void resend_move(int number);

/* In a forked child, which does not inherit timers: create it again if there
 * was one. */
void resend_inherit(int number);

/* Start or stop resending the signal. */
void resend_start(int number);
void resend_stop(int number);

/* Whether a signal was sent by such a timer. */
bool resend_is(const siginfo_t *info);

#endif
