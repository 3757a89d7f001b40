/*
 * idn_map: single characters of international host names: which are the same in
 * host names, and which no host name has (RFC 5895, Unicode's UTS #46).
 *
 * Small letters for the capitals of the Latin, Greek, Cyrillic and Armenian
 * scripts; ASCII for the full-width forms of East Asia; letters with
 * their marks in one (NFC), except polytonic Greek and Hangul. Whatever else would
 * have to be replaced is refused. Several marks of a letter stay in their order.
 */
#ifndef SOCKEYE_SYSTEM_IDN_MAP_H
#define SOCKEYE_SYSTEM_IDN_MAP_H

#include <stdbool.h>
#include <stdint.h>

/* Read a character of UTF-8, and move `*text` past it. Returns false, without
 * moving, where there is none. */
bool idn_decode(const char **text, const char *end, uint32_t *character);

/* Return the character that stands for `c` in host names: the small letter, or
 * '.' for the full stops of East Asia. */
uint32_t idn_fold(uint32_t c);

/* Return the letter with the accent `mark`; 0: there is none. */
uint32_t idn_compose(uint32_t letter, uint32_t mark);

/* Whether no host name may have the folded character, or has it only in another
 * form that is not known here. */
bool idn_is_refused(uint32_t c);

#endif
