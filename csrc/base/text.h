/*
 * text: Lua strings as C strings, and numbers in text.
 *
 * A Lua string may contain a zero byte, where a C string would end. Such a
 * string is refused.
 */
#ifndef SOCKEYE_BASE_TEXT_H
#define SOCKEYE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lua.h>

/* Return whether the `length` bytes contain no zero. */
static inline bool text_is_whole(const char *text, size_t length)
{
    return memchr(text, '\0', length) == NULL;
}

/* Return whether the Lua string of `length` bytes is `name`, and not one that
 * begins with it and a zero. */
static inline bool text_is_name(const char *text, size_t length,
                                const char *name)
{
    return *text == *name && strcmp(text, name) == 0 && strlen(name) == length;
}

/* Return the string at `arg`. Raises the argument error "`what` contains a
 * zero". */
const char *text_check(lua_State *L, int arg, const char *what);

/* As text_check, but return NULL for nil. */
const char *text_opt(lua_State *L, int arg, const char *what);

/* Return how many decimal digits the text begins with. */
static inline size_t text_decimal_span(const char *text)
{
    return strspn(text, "0123456789");
}

/* Return whether the text has only decimal digits, or is empty. */
static inline bool text_is_decimal(const char *text)
{
    return text[text_decimal_span(text)] == '\0';
}

/* Read the decimal or hexadecimal (0x…) number at the beginning of the text.
 * Returns how many characters it has; 0: there is none. A number of more than
 * ten digits becomes UINT64_MAX. */
size_t text_scan_number(const char *text, uint64_t *number);

/* Read a text that is a number of 32 bits. Returns false for any other text. */
bool text_parse_number(const char *text, uint32_t *number);

#endif
