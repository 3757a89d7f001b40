/*
 * text: strings for C, whole; and the numbers written in them.
 *
 * A Lua string may contain a zero, which would hide what follows from C.
 */
#ifndef SOCKEYE_BASE_TEXT_H
#define SOCKEYE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lua.h>

/* Whether the `length` bytes contain no zero. */
static inline bool text_is_whole(const char *text, size_t length)
{
    return memchr(text, '\0', length) == NULL;
}

/* The string at `arg`. A zero in it is the argument error "`what` contains a
 * zero". */
const char *text_check(lua_State *L, int arg, const char *what);

/* As text_check; NULL for nil. */
const char *text_opt(lua_State *L, int arg, const char *what);

/* How many decimal digits the text begins with. */
static inline size_t text_decimal_span(const char *text)
{
    return strspn(text, "0123456789");
}

/* Whether the text consists of decimal digits alone, or is empty. */
static inline bool text_is_decimal(const char *text)
{
    return text[text_decimal_span(text)] == '\0';
}

/* Read the number that the text begins with, decimal or with 0x before it.
 * Returns how many characters it has; 0: there is none. A number of more than
 * ten digits becomes UINT64_MAX. */
size_t text_scan_number(const char *text, uint64_t *number);

/* Read a number of 32 bits that is the whole text. */
bool text_parse_number(const char *text, uint32_t *number);

#endif
