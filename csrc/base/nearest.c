/*
 * nearest: finds the name that was probably meant; see nearest.h.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/argument.h"
#include "base/nearest.h"
#include "base/quote.h"

#define LONGEST_NAME 40

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Return the Levenshtein distance of a text and a name, ignoring case. */
static size_t edit_distance(const char *a, size_t height, const char *b)
{
    size_t row[LONGEST_NAME + 1];
    size_t width = strlen(b);

    if (width > LONGEST_NAME)
        return LONGEST_NAME;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; i <= height; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            bool differ = tolower((unsigned char)a[i - 1]) !=
                          tolower((unsigned char)b[j - 1]);

            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + differ);
            diagonal = above;
        }
    }
    return row[width];
}

/* What is written by habit for something that has another name here. */
static const struct habit {
    const char *wrong;
    const char *right;
} habits[] = {
    {"ip", "inet"},   {"ip", "host"},    {"address", "host"}, {"ipv4", "inet"},
    {"ip4", "inet"},  {"ipv6", "inet6"}, {"ip6", "inet6"},    {"tcp", "stream"},
    {"udp", "dgram"}, {NULL, NULL},
};

static bool is_habit(const char *wanted, const char *candidate)
{
    for (const struct habit *h = habits; h->wrong != NULL; h++) {
        if (strcasecmp(h->wrong, wanted) == 0 &&
            strcmp(h->right, candidate) == 0)
            return true;
    }
    return false;
}

void nearest_start(struct nearest *nearest, const char *wanted, size_t length)
{
    nearest->wanted = wanted;
    nearest->length = length;
    nearest->best = NULL;
    nearest->distance = length / 3 + 2;
    if (length > (size_t)2 * LONGEST_NAME)
        nearest->distance = 0; /* nothing is near */
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t distance;

    if (nearest->distance == 0)
        return;
    distance = is_habit(nearest->wanted, candidate)
                   ? 0
                   : edit_distance(nearest->wanted, nearest->length, candidate);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}

void nearest_push(lua_State *L, const char *kind, const struct nearest *nearest)
{
    struct quote quote;

    quote_text(&quote, nearest->wanted, nearest->length);
    if (nearest->best == NULL)
        lua_pushfstring(L, "unknown %s '%s'", kind, quote.text);
    else
        lua_pushfstring(L, "unknown %s '%s', did you mean '%s'?", kind,
                        quote.text, nearest->best);
}

int nearest_argerror(lua_State *L, int arg, const char *kind,
                     const struct nearest *nearest)
{
    nearest_push(L, kind, nearest);
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}
