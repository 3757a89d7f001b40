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
#include "open.h"

#define LONGEST_NAME 40

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static bool is_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Return how many letters have to be changed, added, left out, or exchanged with
 * the next one, to make the name `b` of the text, ignoring case. */
static size_t edit_distance(const char *a, size_t height, const char *b)
{
    size_t rows[3][LONGEST_NAME + 1];
    size_t width = strlen(b);

    if (width > LONGEST_NAME)
        return LONGEST_NAME;
    for (size_t j = 0; j <= width; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= height; i++) {
        const size_t *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        size_t *row = rows[i % 3];

        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            row[j] = smallest(last[j] + 1, row[j - 1] + 1,
                              last[j - 1] + !is_same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
                is_same(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[height % 3][width];
}

/* What is written by habit for something that has another name here. */
static const struct habit {
    const char *wrong;
    const char *right;
} habits[] = {
    {"ip", "inet"},
    {"ip", "host"},
    {"address", "host"},
    {"ipv4", "inet"},
    {"ip4", "inet"},
    {"ipv6", "inet6"},
    {"ip6", "inet6"},
    {"tcp", "stream"},
    {"udp", "dgram"},
    {"receive", "rd"},
    {"read", "rd"},
    {"send", "wr"},
    {"write", "wr"},
    {"both", "rdwr"},
    {"nonblock", "dontwait"},
    {"nowait", "dontwait"},
    {"ign", "ignore"},
    {"sig_ign", "ignore"},
    {"dfl", "default"},
    {"sig_dfl", "default"},
    {"keepalive", "SO_KEEPALIVE"},
    {"nodelay", "TCP_NODELAY"},
    {"linger", "SO_LINGER"},
    {"broadcast", "SO_BROADCAST"},
    {NULL, NULL},
};

/* What is no name of this kind, but one of another argument. */
static const struct misplaced {
    const char *kind;
    const char *wrong;
    const char *right;
} misplaced[] = {
    {"family", "tcp", "TCP is socket(\"inet\", \"stream\")"},
    {"family", "udp", "UDP is socket(\"inet\", \"dgram\")"},
    {"family", "stream", "the family comes first: (\"inet\", \"stream\")"},
    {"family", "dgram", "the family comes first: (\"inet\", \"dgram\")"},
    {"family", "raw", "the family comes first: (\"inet\", \"raw\")"},
    {"family", "SOCK_STREAM", "the family comes first: (\"inet\", \"stream\")"},
    {"family", "SOCK_DGRAM", "the family comes first: (\"inet\", \"dgram\")"},
    {"socket type", "inet", "the type comes after the family"},
    {"socket type", "inet6", "the type comes after the family"},
    {"socket type", "unix", "the type comes after the family"},
    {NULL, NULL, NULL},
};

static const char *find_misplaced(const char *kind, const char *wanted)
{
    const struct misplaced *m = misplaced;

    while (m->kind != NULL &&
           (strcmp(m->kind, kind) != 0 || strcasecmp(m->wrong, wanted) != 0))
        m++;
    return m->right;
}

static bool is_habit(const char *wanted, const char *candidate)
{
    for (const struct habit *h = habits; h->wrong != NULL; h++) {
        if (strcasecmp(h->wrong, wanted) == 0 &&
            strcmp(h->right, candidate) == 0)
            return true;
    }
    return false;
}

/* A name of which most letters are others is not near; nor is one of which
 * hardly any are left, when it is offered. */
void nearest_start(struct nearest *nearest, const char *wanted, size_t length)
{
    size_t third = length / 3 + 2, half = length / 2 + 1;

    nearest->wanted = wanted;
    nearest->length = length;
    nearest->best = NULL;
    nearest->offered = 0;
    nearest->distance = third < half ? third : half;
    if (length > (size_t)2 * LONGEST_NAME)
        nearest->distance = 0; /* nothing is near */
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t distance;

    if (nearest->offered < NEAREST_LISTED)
        nearest->list[nearest->offered] = candidate;
    nearest->offered++;
    if (nearest->distance == 0)
        return;
    distance = is_habit(nearest->wanted, candidate)
                   ? 0
                   : edit_distance(nearest->wanted, nearest->length, candidate);
    if (distance < nearest->distance && distance * 3 <= strlen(candidate) * 2) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}

/* Push the names that there are, if they are few; else an empty string. */
static void push_list(lua_State *L, const struct nearest *nearest)
{
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    if (nearest->offered <= NEAREST_LISTED) {
        for (size_t i = 0; i < nearest->offered; i++) {
            luaL_addstring(&b, i == 0 ? "; there are " : ", ");
            luaL_addstring(&b, nearest->list[i]);
        }
    }
    luaL_pushresult(&b);
}

void nearest_push(lua_State *L, const char *kind, const struct nearest *nearest)
{
    const char *right = find_misplaced(kind, nearest->wanted);
    struct quote quote;

    quote_text(&quote, nearest->wanted, nearest->length);
    if (right != NULL) {
        lua_pushfstring(L, "unknown %s '%s'; %s", kind, quote.text, right);
    } else if (nearest->best != NULL) {
        lua_pushfstring(L, "unknown %s '%s', did you mean '%s'?", kind,
                        quote.text, nearest->best);
    } else {
        push_list(L, nearest);
        lua_pushfstring(L, "unknown %s '%s'%s", kind, quote.text,
                        lua_tostring(L, -1));
        lua_remove(L, -2);
    }
}

int nearest_argerror(lua_State *L, int arg, const char *kind,
                     const struct nearest *nearest)
{
    nearest_push(L, kind, nearest);
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* primitives.unknown(kind, wanted, names): returns what nearest_push pushes for
 * a list of names. */
static int primitive_unknown(lua_State *L)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, 3);
    struct nearest nearest;
    size_t length;
    const char *wanted = luaL_tolstring(L, 2, &length);

    luaL_checkstack(L, (int)count + 3, NULL);
    nearest_start(&nearest, wanted, length);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 3, i);
        nearest_offer(&nearest, lua_tostring(L, -1));
    }
    nearest_push(L, luaL_checkstring(L, 1), &nearest);
    return 1;
}

void open_nearest(lua_State *L)
{
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, primitive_unknown);
    lua_setfield(L, -2, "unknown");
    lua_pop(L, 1);
}
