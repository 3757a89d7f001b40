/*
 * resolver: stands before the C library's resolver (LD_PRELOAD), and makes
 * names whose answer takes as long as a spec likes.
 *
 * "gate-105-107": writes to descriptor 107 that the question has come, "b" where
 * every signal is blocked in this thread, else "o"; and answers, 127.0.0.1, when
 * there is a byte to be read from descriptor 105. Likewise the name of any IPv4
 * address with port 4057, which has these two descriptors.
 *
 * "::1+127.0.0.1" has these addresses, in this order.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int addresses_of(const char *, const char *, const struct addrinfo *,
                         struct addrinfo **);
typedef int names_of(const struct sockaddr *, socklen_t, char *, socklen_t,
                     char *, socklen_t, int);

#define EXPORTED __attribute__((visibility("default")))

static char blocked_signals(void)
{
    sigset_t set;

    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, SIGINT) && sigismember(&set, SIGUSR1) ? 'b' : 'o';
}

/* The descriptors that "gate-105-107" names. */
static int parse_gate(const char *host, long *gate, long *bell)
{
    char *end;

    if (host == NULL || strncmp(host, "gate-", 5) != 0)
        return 0;
    *gate = strtol(host + 5, &end, 10);
    if (*end != '-')
        return 0;
    *bell = strtol(end + 1, &end, 10);
    return *end == '\0';
}

static int pass_gate(const char *host)
{
    long gate;
    long bell;
    char byte = blocked_signals();

    if (!parse_gate(host, &gate, &bell))
        return 0;
    return write((int)bell, &byte, 1) == 1 && read((int)gate, &byte, 1) == 1;
}

/* A function pointer cannot be made of an object's, but by its bytes. */
static void find(const char *name, void *place)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    memcpy(place, &symbol, sizeof symbol);
}

/* The lists of several addresses, one behind the other. */
static int join(addresses_of *next, const char *hosts, const char *service,
                const struct addrinfo *hints, struct addrinfo **list)
{
    char copy[200];
    char *rest = copy;
    char *host;
    int code = 0;

    *list = NULL;
    snprintf(copy, sizeof copy, "%s", hosts);
    while (code == 0 && (host = strsep(&rest, "+")) != NULL) {
        code = next(host, service, hints, list);
        while (code == 0 && *list != NULL)
            list = &(*list)->ai_next;
    }
    return code;
}

EXPORTED int getaddrinfo(const char *host, const char *service,
                         const struct addrinfo *hints, struct addrinfo **list)
{
    addresses_of *next;
    int numeric = hints != NULL && (hints->ai_flags & AI_NUMERICHOST);

    find("getaddrinfo", &next);
    if (!numeric && host != NULL && strchr(host, '+') != NULL)
        return join(next, host, service, hints, list);
    return next(!numeric && pass_gate(host) ? "127.0.0.1" : host, service,
                hints, list);
}

EXPORTED int getnameinfo(const struct sockaddr *address, socklen_t length,
                         char *host, socklen_t host_size, char *service,
                         socklen_t service_size, int flags)
{
    names_of *next;

    find("getnameinfo", &next);
    if (address->sa_family == AF_INET &&
        ((const struct sockaddr_in *)address)->sin_port == htons(4057))
        pass_gate("gate-105-107");
    return next(address, length, host, host_size, service, service_size, flags);
}
