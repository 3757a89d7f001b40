/*
 * resend: resends a signal until its handler has run; see resend.h.
 *
 * Follows timer_create(2) and timer_settime(2). Only Linux can send a
 * timer's signal to one thread.
 */
#include <time.h>
#include <unistd.h>

#include "system/resend.h"

#ifdef SIGEV_THREAD_ID

#define TICK_NANOSECONDS 20000000

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static struct {
    timer_t timer;
    bool exists;
} ticks[NSIG];

void resend_create(int number)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID,
        .sigev_signo = number,
        .sigev_value.sival_ptr = ticks,
    };

    event.sigev_notify_thread_id = gettid();
    if (!ticks[number].exists)
        ticks[number].exists =
            timer_create(CLOCK_MONOTONIC, &event, &ticks[number].timer) == 0;
}

void resend_delete(int number)
{
    if (ticks[number].exists)
        timer_delete(ticks[number].timer);
    ticks[number].exists = false;
}

void resend_move(int number)
{
    if (!ticks[number].exists)
        return;
    resend_delete(number);
    resend_create(number);
}

void resend_inherit(int number)
{
    if (!ticks[number].exists)
        return;
    ticks[number].exists = false;
    resend_create(number);
}

static void set_tick(int number, long nanoseconds)
{
    struct itimerspec once = {.it_value = {.tv_nsec = nanoseconds}};

    if (ticks[number].exists)
        timer_settime(ticks[number].timer, 0, &once, NULL);
}

void resend_start(int number)
{
    set_tick(number, TICK_NANOSECONDS);
}

void resend_stop(int number)
{
    set_tick(number, 0);
}

bool resend_is(const siginfo_t *info)
{
    return info->si_code == SI_TIMER && info->si_value.sival_ptr == ticks;
}

#else

void resend_create(int number)
{
    (void)number;
}

void resend_delete(int number)
{
    (void)number;
}

void resend_move(int number)
{
    (void)number;
}

void resend_inherit(int number)
{
    (void)number;
}

void resend_start(int number)
{
    (void)number;
}

void resend_stop(int number)
{
    (void)number;
}

bool resend_is(const siginfo_t *info)
{
    (void)info;
    return false;
}

#endif
