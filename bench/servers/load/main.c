/*
 * load WORK [OPTION=NUMBER]... -- SERVER...
 *
 *     exchange  units are sent on each connection and have to come back
 *     once      connect, one exchange, until the server closes
 *     hold      connections are opened, and answer
 *     bulk      blocks of 64 KiB, which the server counts
 *     packets   units as datagrams, which the server counts
 *
 * Options: connections, idle, in_flight, lines, warmup, seconds, operations.
 * What was measured is written as name=value on one line.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "load.h"

static const struct work {
    const char *name;
    void (*run)(const struct options *o, struct result *r);
} works[] = {
    {"exchange", do_exchange}, {"once", do_once},       {"hold", do_hold},
    {"bulk", do_bulk},         {"packets", do_packets}, {NULL, NULL},
};

static void give_up(const char *why)
{
    fprintf(stderr, "load: %s\n", why);
    exit(2);
}

static bool take(const char *word, const char *name, double *value)
{
    size_t length = strlen(name);

    if (strncmp(word, name, length) != 0 || word[length] != '=')
        return false;
    *value = strtod(word + length + 1, NULL);
    return true;
}

static bool take_option(struct options *o, const char *word)
{
    double value;

    if (take(word, "connections", &value))
        o->connections = (int)value;
    else if (take(word, "idle", &value))
        o->idle = (int)value;
    else if (take(word, "in_flight", &value))
        o->in_flight = (int)value;
    else if (take(word, "lines", &value))
        o->lines = (int)value;
    else if (take(word, "warmup", &value))
        o->warmup = value;
    else if (take(word, "seconds", &value))
        o->seconds = value;
    else if (take(word, "operations", &value))
        o->operations = (uint64_t)value;
    else
        return false;
    return true;
}

static const struct work *parse(int argc, char **argv, struct options *o)
{
    const struct work *work = works;
    int i = 2;

    if (argc < 4)
        give_up("usage: load WORK [OPTION=NUMBER]... -- SERVER...");
    while (work->name != NULL && strcmp(work->name, argv[1]) != 0)
        work++;
    if (work->name == NULL)
        give_up("no such work");
    for (; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!take_option(o, argv[i]))
            give_up("no such option");
    if (i + 1 >= argc)
        give_up("no server");
    o->server = argv + i + 1;
    if (o->in_flight == 0)
        o->in_flight = o->connections;
    if (o->connections < 1 || o->in_flight < 1 || o->lines < 1 ||
        o->connections % o->in_flight != 0)
        give_up("in_flight must divide connections");
    return work;
}

static void raise_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void print(const struct result *r)
{
    double operations = (double)(r->operations ? r->operations : 1);

    printf("operations=%llu seconds=%.3f rate=%.0f cpu=%.4f connected=%d",
           (unsigned long long)r->operations, (double)r->time / 1e9,
           (double)r->operations / ((double)r->time / 1e9),
           (double)r->cpu / operations / 1000, r->connected);
    printf(" p50=%.1f p99=%.1f p999=%.1f", latency_quantile(0.5),
           latency_quantile(0.99), latency_quantile(0.999));
    if (r->fairness >= 0)
        printf(" fairness=%.3f", r->fairness);
    if (r->memory >= 0)
        printf(" memory=%.0f", r->memory);
    if (r->offered > 0)
        printf(" offered=%llu", (unsigned long long)r->offered);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct options o = {
        .connections = 50, .lines = 1, .warmup = 0.3, .seconds = 2};
    struct result r = {.fairness = -1, .memory = -1};
    const struct work *work = parse(argc, argv, &o);

    raise_limit();
    signal(SIGPIPE, SIG_IGN);
    server_limit((unsigned)(o.warmup + o.seconds) + 40);
    server_start(o.server);
    work->run(&o, &r);
    server_stop();
    print(&r);
    return 0;
}
