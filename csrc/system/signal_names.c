/*
 * signal_names: the signals by name; see signal_names.h and signal(7).
 */
#include <signal.h>

#include "base/argument.h"
#include "system/signal_names.h"

/* clang-format off */
static const struct name signal_rows[] = {
    {"hup", SIGHUP}, {"int", SIGINT}, {"quit", SIGQUIT}, {"ill", SIGILL},
    {"trap", SIGTRAP}, {"abrt", SIGABRT}, {"bus", SIGBUS}, {"fpe", SIGFPE},
    {"kill", SIGKILL}, {"usr1", SIGUSR1}, {"segv", SIGSEGV},
    {"usr2", SIGUSR2}, {"pipe", SIGPIPE}, {"alrm", SIGALRM},
    {"term", SIGTERM}, {"chld", SIGCHLD}, {"cont", SIGCONT},
    {"stop", SIGSTOP}, {"tstp", SIGTSTP}, {"ttin", SIGTTIN},
    {"ttou", SIGTTOU}, {"urg", SIGURG}, {"xcpu", SIGXCPU},
    {"xfsz", SIGXFSZ}, {"vtalrm", SIGVTALRM}, {"prof", SIGPROF},
    {"winch", SIGWINCH}, {"sys", SIGSYS},
#ifdef SIGIO
    {"io", SIGIO},
#endif
#ifdef SIGPOLL
    {"poll", SIGPOLL},
#endif
#ifdef SIGPWR
    {"pwr", SIGPWR},
#endif
#ifdef SIGSTKFLT
    {"stkflt", SIGSTKFLT},
#endif
#ifdef SIGINFO
    {"info", SIGINFO},
#endif
#ifdef SIGEMT
    {"emt", SIGEMT},
#endif
    {NULL, 0},
};
/* clang-format on */

const struct names signal_names = {"signal", {"SIG", NULL}, signal_rows};

int signal_names_check(lua_State *L, int arg, int least)
{
    lua_Integer number = names_check(L, arg, &signal_names);

    luaL_argcheck(L, number >= least && number < NSIG, arg,
                  SIGNAL_NAMES_PROBLEM);
    return (int)number;
}
