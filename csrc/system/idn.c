/*
 * idn: international host names, in the ASCII form that is looked up; see
 * idn.h.
 *
 * The C library makes it only in a locale with UTF-8. Follows RFC 5890 to 5895.
 * Functions named sockeye_* are the module's or primitives.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/argument.h"
#include "base/quote.h"
#include "base/text.h"
#include "open.h"
#include "system/idn.h"
#include "system/idn_map.h"
#include "system/punycode.h"

#define LABEL_MOST 63 /* RFC 1035 */

#define PREFIX "xn--"

/* A name that is being converted. */
struct name {
    const char *next; /* of the text */
    const char *end;
    char *ascii;
    size_t used;
    const char *problem; /* what is wrong, or NULL */
    uint32_t character;  /* that it is about; 0: none */
};

struct label {
    uint32_t characters[LABEL_MOST];
    size_t count;
    bool is_ascii;
};

static bool fail(struct name *n, const char *problem, uint32_t character)
{
    n->problem = problem;
    n->character = character;
    return false;
}

/* Append a folded character to the label. */
static bool add(struct name *n, struct label *label, uint32_t c)
{
    uint32_t composed =
        label->count > 0 ? idn_compose(label->characters[label->count - 1], c)
                         : 0;

    if (composed != 0) {
        label->characters[label->count - 1] = composed;
        label->is_ascii = false;
        return true;
    }
    if (c <= ' ' || c == ':' || c == 0x7f || idn_is_refused(c))
        return fail(n,
                    "host has a character that is not mapped, or that no host "
                    "name has",
                    c);
    if (label->count == LABEL_MOST)
        return fail(n, "host has a label that is too long", 0);
    label->characters[label->count++] = c;
    label->is_ascii = label->is_ascii && c < 0x80;
    return true;
}

/* Read a label, and move past the full stop that ends it; `*is_last`: there is
 * none. */
static bool read_label(struct name *n, struct label *label, bool *is_last)
{
    label->count = 0;
    label->is_ascii = true;
    *is_last = true;
    while (n->next < n->end && *is_last) {
        uint32_t c;

        if (!idn_decode(&n->next, n->end, &c))
            return fail(n, "host is no valid UTF-8", 0);
        c = idn_fold(c);
        if (c == '.')
            *is_last = false;
        else if (!add(n, label, c))
            return false;
    }
    return true;
}

static bool has_prefix(const struct label *label)
{
    for (size_t i = 0; i < sizeof PREFIX - 1; i++) {
        if (i >= label->count ||
            label->characters[i] != (unsigned char)PREFIX[i])
            return false;
    }
    return true;
}

/* Write a label to `text`. Returns its length; 0: it is too long. */
static size_t encode(const struct label *label, char *text)
{
    size_t used;

    if (label->is_ascii) {
        for (size_t i = 0; i < label->count; i++)
            text[i] = (char)label->characters[i];
        return label->count;
    }
    memcpy(text, PREFIX, sizeof PREFIX - 1);
    used = punycode_encode(label->characters, label->count,
                           text + sizeof PREFIX - 1,
                           LABEL_MOST - (sizeof PREFIX - 1));
    return used > 0 ? used + sizeof PREFIX - 1 : 0;
}

static bool convert_label(struct name *n, bool *is_last)
{
    struct label label;
    char text[LABEL_MOST];
    size_t length;

    if (!read_label(n, &label, is_last))
        return false;
    if (label.count == 0)
        return (*is_last && n->used > 0) ||
               fail(n, "host has an empty label", 0);
    if (!label.is_ascii && has_prefix(&label))
        return fail(n, "host has a label that is encoded in part", 0);
    length = encode(&label, text);
    if (length == 0)
        return fail(n, "host has a label that is too long", 0);
    if (n->used + length + 2 > IDN_HOST_SIZE)
        return fail(n, "host is too long", 0);
    memcpy(n->ascii + n->used, text, length);
    n->used += length;
    if (!*is_last)
        n->ascii[n->used++] = '.';
    return true;
}

static bool convert(struct name *n)
{
    bool is_last = false;

    while (!is_last) {
        if (!convert_label(n, &is_last))
            return false;
    }
    n->ascii[n->used] = '\0';
    return true;
}

static void push_problem(lua_State *L, const struct name *n, const char *host,
                         size_t length)
{
    struct quote quote;
    char character[24] = "";

    if (n->character != 0)
        snprintf(character, sizeof character, ", U+%04X",
                 (unsigned int)n->character);
    lua_pushfstring(L, "%s%s: '%s'", n->problem, character,
                    quote_text(&quote, host, length));
}

/* Whether the text is ASCII up to the name of an interface, as in an IPv6
 * address with a scope. */
static bool is_scoped(const char *host)
{
    const char *scope = strchr(host, '%');
    const char *colon = strchr(host, ':');

    if (scope == NULL || colon == NULL || colon > scope)
        return false;
    while (host < scope && (unsigned char)*host < 0x80)
        host++;
    return host == scope;
}

/* Whether all bytes are ASCII; sets *has_space. */
static bool is_ascii(const char *host, size_t length, bool *has_space)
{
    bool is = true;

    *has_space = false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)host[i];

        *has_space = *has_space || c <= ' ' || c == 0x7f;
        is = is && c < 0x80;
    }
    return is;
}

const char *idn_read_host(lua_State *L, int index, char *ascii)
{
    size_t length;
    const char *host = lua_tolstring(L, index, &length);
    struct name n = {.next = host};
    bool has_space;
    bool is_plain = is_ascii(host, length, &has_space);

    n.end = host + length;
    n.ascii = ascii;
    if (!text_is_whole(host, length)) {
        lua_pushliteral(L, "name contains a zero");
        return NULL;
    }
    if (has_space)
        fail(&n, "host contains white space", 0);
    else if (is_plain || is_scoped(host))
        return host;
    else if (convert(&n))
        return ascii;
    push_problem(L, &n, host, length);
    return NULL;
}

/* primitives.read_host(value): returns the host in ASCII; or nil and what is
 * wrong with the value. */
static int sockeye_read_host(lua_State *L)
{
    char ascii[IDN_HOST_SIZE];
    const char *host = NULL;

    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING)
        host = idn_read_host(L, 1, ascii);
    else
        lua_pushfstring(L, "host: string expected, got %s",
                        luaL_typename(L, 1));
    if (host != NULL) {
        lua_pushstring(L, host);
        return 1;
    }
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

/*** Return the ASCII form of a host name, in which it is looked up.
`resolve`, `connect`, `listen` and `serve` do so themselves, whatever the locale;
this is for what else needs it: certificates, the header `Host`.

A name in ASCII is returned as it is. Of any other, each label that is not ASCII
is encoded (Punycode, RFC 3492), after capitals of the Latin, Greek, Cyrillic and
Armenian scripts have become small letters; full-width letters and the full stops
of East Asia, ASCII; and a mark that follows its letter, one character with it
(NFC). A character that would have to be replaced otherwise, such as a ligature, a
polytonic letter, a Hangul syllable in pieces or the capital of another script, is
refused, as one that no host name has: give it in its final form. Several marks of one letter are not put into another order, and rules about
writing direction and joiners (RFC 5892, 5893) are not checked.
@function idn
@string host in UTF-8
@treturn string
@raise argument error for a text that is no UTF-8, or with white space, and for
labels that are too long, and a host with a colon that is no IPv6 address
@usage print(sockeye.idn("Bücher.example"))  --> xn--bcher-kva.example
*/
static int sockeye_idn(lua_State *L)
{
    char ascii[IDN_HOST_SIZE];
    const char *host;

    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    host = idn_read_host(L, 1, ascii);
    if (host == NULL)
        return luaL_argerror(L, 1, lua_tostring(L, -1));
    lua_pushstring(L, host);
    return 1;
}

void open_idn(lua_State *L)
{
    lua_pushcfunction(L, sockeye_idn);
    lua_setfield(L, -2, "idn");
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_read_host);
    lua_setfield(L, -2, "read_host");
    lua_pop(L, 1);
}
