/*
 * punycode: characters in the letters, digits and hyphens of host names
 * (RFC 3492).
 */
#ifndef SOCKEYE_SYSTEM_PUNYCODE_H
#define SOCKEYE_SYSTEM_PUNYCODE_H

#include <stddef.h>
#include <stdint.h>

/* Encode `count` characters. Returns how many bytes it has written; 0: it is
 * more than `size`, or there are none. */
size_t punycode_encode(const uint32_t *characters, size_t count, char *output,
                       size_t size);

#endif
