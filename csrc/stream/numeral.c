/*
 * numeral: recognises a number at the beginning of some bytes.
 *
 * Follows Lua's file:read("n"), which decides character by character, and looks
 * one character ahead.
 */
#include <locale.h>

#include "stream/numeral.h"

/* The next character, which is not taken; -1: there is none. */
static int peek(struct numeral *n)
{
    if (n->at < n->length)
        return (unsigned char)n->bytes[n->at];
    n->is_short = true;
    return -1;
}

/* Take the next character. False: the numeral is too long, and discarded. */
static bool take(struct numeral *n)
{
    if (n->count >= NUMERAL_MAX) {
        n->text[0] = '\0';
        return false;
    }
    n->text[n->count++] = n->bytes[n->at++];
    return true;
}

/* Take the next character if it is one of two. */
static bool take_one(struct numeral *n, const char set[2])
{
    int c = peek(n);

    return c != -1 && ((char)c == set[0] || (char)c == set[1]) && take(n);
}

static bool is_digit(int c, bool is_hex)
{
    return (c >= '0' && c <= '9') ||
           (is_hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}

static int take_digits(struct numeral *n, bool is_hex)
{
    int count = 0;

    while (is_digit(peek(n), is_hex) && take(n))
        count++;
    return count;
}

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void numeral_scan(struct numeral *n)
{
    const char point[2] = {localeconv()->decimal_point[0], '.'};
    bool is_hex = false;
    int count = 0;

    while (is_space(peek(n)))
        n->at++;
    take_one(n, "-+");
    if (take_one(n, "00")) {
        is_hex = take_one(n, "xX");
        count = !is_hex;
    }
    count += take_digits(n, is_hex);
    if (take_one(n, point))
        count += take_digits(n, is_hex);
    if (count > 0 && take_one(n, is_hex ? "pP" : "eE")) {
        take_one(n, "-+");
        take_digits(n, false);
    }
    peek(n);
    n->text[n->count] = '\0';
}
