/*
 * punycode: characters in the letters, digits and hyphens of host names; see
 * punycode.h.
 *
 * The names are those of RFC 3492, sections 5 and 6.
 */
#include <stdbool.h>

#include "base/argument.h"
#include "open.h"
#include "system/idn_map.h"
#include "system/punycode.h"

enum {
    BASE = 36,
    T_MIN = 1,
    T_MAX = 26,
    SKEW = 38,
    DAMP = 700,
    INITIAL_BIAS = 72,
    INITIAL_N = 0x80
};

struct output {
    char *bytes;
    size_t size;
    size_t used; /* more than `size`: it does not fit */
};

static void put(struct output *o, char c)
{
    if (o->used < o->size)
        o->bytes[o->used] = c;
    o->used++;
}

static char digit(uint32_t value)
{
    return (char)(value < 26 ? 'a' + value : '0' + (value - 26));
}

static uint32_t adapt(uint32_t delta, uint32_t points, bool is_first)
{
    uint32_t k = 0;

    delta = is_first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

/* Append a variable-length integer. */
static void put_delta(struct output *o, uint32_t delta, uint32_t bias)
{
    uint32_t q = delta;

    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;

        if (q < t)
            break;
        put(o, digit(t + (q - t) % (BASE - t)));
        q = (q - t) / (BASE - t);
    }
    put(o, digit(q));
}

/* The least character that is at least `n`. There is one. */
static uint32_t next_character(const uint32_t *characters, size_t count,
                               uint32_t n)
{
    uint32_t least = UINT32_MAX;

    for (size_t i = 0; i < count; i++) {
        if (characters[i] >= n && characters[i] < least)
            least = characters[i];
    }
    return least;
}

/* Append the characters that are no ASCII, of which `basic` others are done. */
static void put_rest(struct output *o, const uint32_t *characters, size_t count,
                     size_t basic)
{
    uint32_t n = INITIAL_N;
    uint32_t bias = INITIAL_BIAS;
    uint64_t delta = 0;
    size_t done = basic;

    while (done < count && delta < UINT32_MAX) {
        uint32_t m = next_character(characters, count, n);

        delta += (uint64_t)(m - n) * (done + 1);
        n = m;
        for (size_t i = 0; i < count; i++) {
            delta += characters[i] < n;
            if (characters[i] != n)
                continue;
            put_delta(o, (uint32_t)delta, bias);
            bias = adapt((uint32_t)delta, (uint32_t)done + 1, done == basic);
            done++;
            delta = 0;
        }
        delta++;
        n++;
    }
    if (done < count)
        o->used = o->size + 1;
}

size_t punycode_encode(const uint32_t *characters, size_t count, char *output,
                       size_t size)
{
    struct output o = {.size = size};
    size_t basic = 0;

    o.bytes = output;
    for (size_t i = 0; i < count; i++) {
        if (characters[i] < INITIAL_N) {
            put(&o, (char)characters[i]);
            basic++;
        }
    }
    if (basic > 0)
        put(&o, '-');
    put_rest(&o, characters, count, basic);
    return o.used <= size ? o.used : 0;
}

#define MOST 256

/* primitives.punycode(text): returns the characters of a text in UTF-8 encoded;
 * nil for a text that is none, or too long. */
static int sockeye_punycode(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    const char *end = text + length;
    uint32_t characters[MOST];
    char output[MOST];
    size_t count = 0;
    size_t used;

    while (text < end && count < MOST &&
           idn_decode(&text, end, &characters[count]))
        count++;
    used = text == end ? punycode_encode(characters, count, output, MOST) : 0;
    if (used > 0)
        lua_pushlstring(L, output, used);
    else
        lua_pushnil(L);
    return 1;
}

void open_punycode(lua_State *L)
{
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_punycode);
    lua_setfield(L, -2, "punycode");
    lua_pop(L, 1);
}
