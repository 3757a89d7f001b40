/*
 * disposition: what the process does when a signal comes; see disposition.h.
 *
 * Follows sigaction(2).
 */
#include <errno.h>
#include <signal.h>

#include "loop/running.h"
#include "system/caught.h"
#include "system/disposition.h"
#include "system/resend.h"

/* clang-format off */
static const struct name disposition_rows[] = {
    {"default", DEFAULT}, {"ignore", IGNORE}, {"original", ORIGINAL},
    {NULL, 0},
};
/* clang-format on */

const struct names disposition_names = {
    "handler", {NULL, NULL}, disposition_rows};

/* Signals belong to the process, so this is not part of a Lua state. Use it
 * under caught_lock. */
static struct {
    struct sigaction before[NSIG]; /* the action before a handler was set */
    bool replaced[NSIG];           /* whether `before` is set */
    bool handled[NSIG];            /* whether it is counted */
    int count;                     /* signals that are handled in Lua */
} signals;

static void note_handled(int number, bool handled)
{
    int change = handled - signals.handled[number];

    signals.handled[number] = handled;
    signals.count += change;
    if (change != 0)
        running_add_handlers(change);
}

/* Restore an action. Where that is the default one, signals that were caught
 * and sent on to another thread would end the process: ignoring them for a
 * moment drops those that are pending (sigaction(2)). SIGCHLD ends nothing, and
 * must not be ignored: the system would reap the children. */
static void replace_action(int number, const struct sigaction *before)
{
    struct sigaction ignored = {.sa_flags = 0};

    ignored.sa_handler = SIG_IGN;
    if (!(before->sa_flags & SA_SIGINFO) && before->sa_handler == SIG_DFL &&
        number != SIGCHLD)
        sigaction(number, &ignored, NULL);
    sigaction(number, before, NULL);
}

static void restore(int number)
{
    struct sigaction now;

    if (signals.replaced[number] && sigaction(number, NULL, &now) == 0 &&
        caught_is_action(&now))
        replace_action(number, &signals.before[number]);
    signals.replaced[number] = false;
    note_handled(number, false);
}

void disposition_restore_all(void)
{
    caught_lock();
    for (int number = 1; number < NSIG; number++)
        restore(number);
    caught_unlock();
}

enum disposition disposition_of(const struct sigaction *action)
{
    if (action->sa_flags & SA_SIGINFO)
        return ORIGINAL;
    if (action->sa_handler == SIG_DFL)
        return DEFAULT;
    return action->sa_handler == SIG_IGN ? IGNORE : ORIGINAL;
}

enum disposition disposition_before(int number)
{
    enum disposition disposition = DEFAULT;

    caught_lock();
    if (signals.replaced[number])
        disposition = disposition_of(&signals.before[number]);
    caught_unlock();
    return disposition;
}

int disposition_count(void)
{
    int count;

    caught_lock();
    count = signals.count;
    caught_unlock();
    return count;
}

/* The action to give to sigaction(2). */
static struct sigaction action_for(int number, enum disposition disposition,
                                   const struct sigaction *now)
{
    struct sigaction action = {.sa_flags = 0};

    if (disposition == HANDLER)
        return caught_action();
    if (disposition == ORIGINAL)
        return signals.replaced[number] ? signals.before[number] : *now;
    action.sa_handler = disposition == IGNORE ? SIG_IGN : SIG_DFL;
    sigfillset(&action.sa_mask);
    return action;
}

/* The action takes the place of `before`: kept, if that was not a handler. */
static void note_change(int number, const struct sigaction *action,
                        const struct sigaction *before)
{
    bool handled = caught_is_action(action);

    if (handled && !caught_is_action(before)) {
        signals.before[number] = *before;
        signals.replaced[number] = true;
    }
    note_handled(number, handled);
}

static int set_action(int number, enum disposition disposition, bool owns,
                      bool *taken)
{
    struct sigaction now;
    struct sigaction action;
    int error;

    if (sigaction(number, NULL, &now) == -1)
        return errno;
    if (caught_is_action(&now) && !owns)
        return NOT_OURS;
    action = action_for(number, disposition, &now);
    if (caught_is_action(&action) || caught_is_action(&now))
        error = caught_set_action(number, &action, taken);
    else
        error = sigaction(number, &action, NULL) == 0 ? 0 : errno;
    if (error == 0)
        note_change(number, &action, &now);
    return error;
}

int disposition_set(int number, enum disposition disposition, bool owns,
                    bool *taken)
{
    int error;

    caught_lock();
    error = set_action(number, disposition, owns, taken);
    caught_unlock();
    return error;
}
