/*
 * quote: shows a script's own text in errors; see quote.h.
 *
 * utf-8(7), ascii(7).
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/argument.h"
#include "base/quote.h"
#include "open.h"

#define ESCAPE_SIZE sizeof "\\x1b"

/* Return how many bytes the sequence has that begins with this one; 0: none
 * does. */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Whether a sequence of UTF-8 is none after all by its first two bytes: it is
 * longer than it has to be, a surrogate, or past U+10FFFF. */
static bool is_no_character(const unsigned char *bytes)
{
    switch (bytes[0]) {
    case 0xe0:
        return bytes[1] < 0xa0;
    case 0xed:
        return bytes[1] >= 0xa0;
    case 0xf0:
        return bytes[1] < 0x90;
    case 0xf4:
        return bytes[1] >= 0x90;
    default:
        return false;
    }
}

static bool is_control(const unsigned char *bytes, size_t length)
{
    if (length == 1)
        return bytes[0] < ' ' || bytes[0] == 0x7f;
    return bytes[0] == 0xc2 && bytes[1] < 0xa0; /* U+0080 to U+009F */
}

/* Return how many bytes the character has that the text begins with; 0: it has
 * to be escaped. */
static size_t character_length(const char *text, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = sequence_length(bytes[0]);

    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    if (length > 1 && is_no_character(bytes))
        return 0;
    return is_control(bytes, length) ? 0 : length;
}

/* Write the escape for a byte. Returns its length. */
static size_t escape(char *to, char byte)
{
    static const char controls[] = "\n\r\t", letters[] = "nrt";
    const char *found = byte != '\0' ? strchr(controls, byte) : NULL;

    if (found != NULL)
        return (size_t)snprintf(to, ESCAPE_SIZE, "\\%c",
                                letters[found - controls]);
    return (size_t)snprintf(to, ESCAPE_SIZE, "\\x%02x", (unsigned char)byte);
}

const char *quote_text(struct quote *quote, const char *text, size_t length)
{
    const char *end = text + length;
    size_t used = 0;

    while (text < end) {
        char escaped[ESCAPE_SIZE];
        size_t whole = character_length(text, (size_t)(end - text));
        size_t shown = whole > 0 ? whole : escape(escaped, *text);

        if (used + shown > QUOTE_MOST) {
            strcpy(quote->text + used, "...");
            return quote->text;
        }
        memcpy(quote->text + used, whole > 0 ? text : escaped, shown);
        used += shown;
        text += whole > 0 ? whole : 1;
    }
    quote->text[used] = '\0';
    return quote->text;
}

const char *quote_value(lua_State *L, int index, struct quote *quote)
{
    size_t length;
    const char *text = lua_tolstring(L, index, &length);

    return quote_text(quote, text, length);
}

/* primitives.quote(value): returns how errors show what tostring returns. */
static int sockeye_quote(lua_State *L)
{
    struct quote quote;

    luaL_tolstring(L, 1, NULL);
    lua_pushstring(L, quote_value(L, -1, &quote));
    return 1;
}

void open_quote(lua_State *L)
{
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_quote);
    lua_setfield(L, -2, "quote");
    lua_pop(L, 1);
}
