/* numeral: what a number may look like at the beginning of some bytes. */
#ifndef SOCKEYE_STREAM_NUMERAL_H
#define SOCKEYE_STREAM_NUMERAL_H

#include <stdbool.h>
#include <stddef.h>

#define NUMERAL_MOST 200 /* characters */

struct numeral {
    const char *bytes;
    size_t length;
    size_t at;                   /* where the numeral, or what is none, ends */
    bool is_short;               /* more bytes could belong to it */
    size_t count;                /* of the characters in `text` */
    char text[NUMERAL_MOST + 1]; /* for lua_stringtonumber */
};

/* Pass over blanks and a numeral. */
void numeral_scan(struct numeral *n);

#endif
