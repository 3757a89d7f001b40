/* numeral: recognises a number at the beginning of some bytes. */
#ifndef SOCKEYE_STREAM_NUMERAL_H
#define SOCKEYE_STREAM_NUMERAL_H

#include <stdbool.h>
#include <stddef.h>

#define NUMERAL_MAX 200 /* characters */

struct numeral {
    const char *bytes;
    size_t length;
    size_t at;     /* where scanning stopped */
    bool is_short; /* the bytes end, but the numeral may go on */
    size_t count;  /* characters in `text` */
    char text[NUMERAL_MAX +
              1]; /* for lua_stringtonumber; "": too long for a numeral */
};

/* Skip white space and copy the numeral that follows, if any, to `text`. */
void numeral_scan(struct numeral *n);

#endif
