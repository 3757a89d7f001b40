/*
 * disposition: what the process does when a signal comes.
 *
 * A signal that this module handles is caught (caught.h); the action from
 * before is kept, and restored. One Lua state at a time has handlers: `owns`
 * says that the caller's is that one.
 */
#ifndef SOCKEYE_SYSTEM_DISPOSITION_H
#define SOCKEYE_SYSTEM_DISPOSITION_H

#include <signal.h>
#include <stdbool.h>

#include "base/names.h"

/* What a signal does: the system's default; nothing; what it did before it was
 * handled in Lua; run handlers in Lua. */
enum disposition { DEFAULT, IGNORE, ORIGINAL, HANDLER };

extern const struct names disposition_names;

#define NOT_OURS (-1)

/* Set the disposition, and keep the action from before a handler. Sets `*taken`
 * as caught_set_action. Returns zero, errno, or NOT_OURS: another state has set
 * a handler meanwhile. */
int disposition_set(int number, enum disposition disposition, bool owns,
                    bool *taken);

/* Restore the actions from before all handlers, where the handler is still
 * set. Every signal is blocked. */
void disposition_restore_all(void);

/* The disposition that an action of another is; and that from before a
 * handler. */
enum disposition disposition_of(const struct sigaction *action);
enum disposition disposition_before(int number);

/* How many signals are handled in Lua. */
int disposition_count(void);

#endif
