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

/* Create the timer that resends the signal `number` to the calling thread.
 * Where the system has none to give, the functions below do nothing. */
void resend_create(int number);
void resend_delete(int number);

/* In a forked child: timers stay with the parent. */
void resend_inherit(int number);

/* Start resending the signal, shortly; or stop. */
void resend_start(int number);
void resend_stop(int number);

/* Whether a signal that has come was resent. */
bool resend_is(const siginfo_t *info);

#endif
