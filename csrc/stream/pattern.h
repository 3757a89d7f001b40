/*
 * pattern: finds a match of one of Lua's patterns in bytes of which more may
 * come.
 *
 * A match counts only if no bytes that may follow could change it: neither make
 * it longer, nor let another one begin earlier.
 */
#ifndef SOCKEYE_STREAM_PATTERN_H
#define SOCKEYE_STREAM_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_CAPTURES 32 /* as many as Lua's */

struct pattern {
    const char *text;
    size_t size;
    size_t most; /* bytes of a match */
};

struct capture {
    size_t from;
    size_t size; /* CAPTURE_POSITION: only the place was asked for */
};

#define CAPTURE_POSITION ((size_t)-1)

struct match {
    const char *bytes; /* to be searched */
    size_t length;
    bool ended;  /* no more will come */
    size_t last; /* no match may begin after this place */
    size_t from; /* where to begin; then, where the match begins or may begin */
    size_t to;   /* the end of the match */
    int count;   /* captures */
    struct capture captures[PATTERN_CAPTURES];
};

/* NONE: no match begins at `last` or before. SHORT: one may begin at `from` when
 * more has come. TOO_COMPLEX: trying it takes too much of the stack. */
enum matching { MATCHED, NONE, SHORT, TOO_COMPLEX };

/* What is wrong with the pattern; NULL: nothing. */
const char *pattern_check(const struct pattern *p);

/* Find the first match that is not empty, of a pattern that was checked. */
enum matching pattern_find(const struct pattern *p, struct match *result);

#endif
