/*
 * load: what puts a server to work and measures it.
 *
 * A server is a command that writes "ready PORT" or "ready PATH" to its
 * standard output. It is started here, on a core of its own, and what it costs
 * is read from /proc. Every byte that comes back is compared.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define UNIT 64 /* bytes of a line, or of a packet */
#define BLOCK 65536

struct options {
    const char *work;
    int connections;
    int idle;      /* more connections, on which nothing is sent */
    int in_flight; /* exchanges at a time; 0: one on every connection */
    int lines;     /* units sent at once */
    double warmup; /* seconds */
    double seconds;
    uint64_t operations; /* end after so many; 0: after `seconds` */
    char **server;       /* its command */
};

/* What was measured. */
struct result {
    uint64_t operations;
    int64_t time; /* nanoseconds */
    int64_t cpu;  /* of the server; nanoseconds */
    int connected;
    double fairness;  /* worst-served connection over the mean; -1: unknown */
    double memory;    /* bytes a connection; -1: unknown */
    uint64_t offered; /* packets sent; 0: as many as operations */
};

/* Says why, ends the server and exits. */
_Noreturn void fail(const char *what);

int64_t now(void);

/* Memory, all zero. */
void *obtain(size_t count, size_t size);

/* ---- server.c ---- */

void server_start(char **command);
void server_limit(unsigned seconds); /* in which all has to be done */
void server_stop(void);
int64_t server_cpu(void);                  /* nanoseconds, of all its threads */
int64_t server_memory(void);               /* bytes that are resident */
int server_connect(int type);              /* -1 with errno where it fails */
int server_begin_connect(unsigned number); /* not blocking; from one of several
                                              addresses */

/* ---- histogram.c ---- */

void latency_clear(void);
void latency_add(int64_t nanoseconds);
double latency_quantile(double share); /* microseconds */

/* ---- the kinds of work ---- */

void do_exchange(const struct options *o, struct result *r);
void do_once(const struct options *o, struct result *r);
void do_hold(const struct options *o, struct result *r);
void do_bulk(const struct options *o, struct result *r);
void do_packets(const struct options *o, struct result *r);

/* Number a unit: its first 16 bytes hold connection and turn. */
void unit_number(char *unit, uint32_t connection, uint32_t turn);

/* Fill `count` units; each ends with a newline and has no other. */
void unit_fill(char *units, int count);

#endif
