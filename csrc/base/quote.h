/*
 * quote: a script's own text, as an error shows it.
 *
 *     struct quote quote;
 *
 *     lua_pushfstring(L, "unknown poller '%s'",
 *                     quote_text(&quote, name, length));
 *
 * Control characters, and bytes that are no UTF-8, are escaped: \n, \x1b. A
 * long text is cut between two characters, and "..." added. The text of an
 * address is never so long.
 */
#ifndef SOCKEYE_BASE_QUOTE_H
#define SOCKEYE_BASE_QUOTE_H

#include <stddef.h>

#include <lua.h>

#define QUOTE_MOST 120 /* bytes shown of a text that is cut */

struct quote {
    char text[QUOTE_MOST + sizeof "..."];
};

/* Write how the text is shown. Returns it: a C string in `quote`. Allocates
 * nothing, and needs no text any more. */
const char *quote_text(struct quote *quote, const char *text, size_t length);

/* As quote_text, for the string or number at `index`. */
const char *quote_value(lua_State *L, int index, struct quote *quote);

#endif
