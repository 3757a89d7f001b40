/*
 * pattern: finds a match of one of Lua's patterns; see pattern.h.
 *
 * Follows section 6.4.1 of Lua's manual and what string.find does. Matching
 * notes whether it has looked for bytes beyond the end of those that are there:
 * what it has found without that holds whatever follows.
 */
#include <ctype.h>
#include <string.h>

#include "stream/pattern.h"

#define DEPTH_MOST 200 /* calls of each other: as many as Lua's */
#define ESCAPE '%'

/* ---- what is wrong with a pattern ---- */

struct check {
    const char *p, *end;
    int level; /* captures begun */
    bool is_closed[PATTERN_CAPTURES];
};

/* Step over a set, behind its bracket. */
static const char *check_set(struct check *c)
{
    if (c->p < c->end && *c->p == '^')
        c->p++;
    do {
        if (c->p == c->end)
            return "malformed pattern (missing ']')";
        if (*c->p++ == ESCAPE && c->p++ == c->end)
            return "malformed pattern (missing ']')";
    } while (c->p == c->end || *c->p != ']');
    c->p++;
    return NULL;
}

/* Step over what follows an escape. */
static const char *check_escape(struct check *c)
{
    int number;

    if (c->p == c->end)
        return "malformed pattern (ends with '%')";
    number = *c->p - '1';
    switch (*c->p++) {
    case 'b':
        if (c->end - c->p < 2)
            return "malformed pattern (missing arguments to '%b')";
        c->p += 2;
        return NULL;
    case 'f':
        if (c->p == c->end || *c->p++ != '[')
            return "malformed pattern (missing '[' after '%f')";
        return check_set(c);
    default:
        if (number < -1 || number > 8 ||
            (number >= 0 && number < c->level && c->is_closed[number]))
            return NULL;
        return "malformed pattern (invalid capture index)";
    }
}

static const char *check_parenthesis(struct check *c, bool opens)
{
    int open = c->level - 1;

    if (opens && c->level == PATTERN_CAPTURES)
        return "malformed pattern (too many captures)";
    if (opens) {
        c->is_closed[c->level++] = false;
        return NULL;
    }
    while (open >= 0 && c->is_closed[open])
        open--;
    if (open < 0)
        return "malformed pattern (invalid pattern capture)";
    c->is_closed[open] = true;
    return NULL;
}

static const char *check_item(struct check *c)
{
    switch (*c->p++) {
    case '(':
    case ')':
        return check_parenthesis(c, c->p[-1] == '(');
    case '[':
        return check_set(c);
    case ESCAPE:
        return check_escape(c);
    default:
        return NULL;
    }
}

const char *pattern_check(const struct pattern *p)
{
    struct check c = {.p = p->text, .end = p->text + p->size};
    const char *wrong = NULL;

    if (p->size == 0)
        return "pattern must not be empty";
    if (*p->text == '^')
        return "pattern must not begin with '^': it is searched for";
    while (c.p < c.end && wrong == NULL)
        wrong = check_item(&c);
    for (int i = 0; i < c.level && wrong == NULL; i++) {
        if (!c.is_closed[i])
            wrong = "malformed pattern (unfinished capture)";
    }
    return wrong;
}

/* ---- single bytes ---- */

struct matcher {
    const char *begin; /* of all bytes */
    const char *end;   /* of those that a match may have */
    const char *pattern_end;
    bool is_last;    /* the stream ends at `end` */
    bool is_short;   /* it has looked beyond `end` */
    bool is_complex; /* it has been called too deeply */
    int depth;
    int level;
    struct {
        const char *from;
        const char *to; /* NULL: it has not ended */
        bool is_position;
    } captures[PATTERN_CAPTURES];
};

static int is_zero(int c)
{
    return c == 0;
}

static const struct {
    char name;
    int (*test)(int);
} classes[] = {
    {'a', isalpha}, {'c', iscntrl},  {'d', isdigit}, {'g', isgraph},
    {'l', islower}, {'p', ispunct},  {'s', isspace}, {'u', isupper},
    {'w', isalnum}, {'x', isxdigit}, {'z', is_zero},
};

/* A capital stands for all others; what is no class, for itself. */
static bool is_in_class(int c, int class)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (tolower(class) == classes[i].name)
            return (classes[i].test(c) != 0) != (isupper(class) != 0);
    }
    return class == c;
}

/* The end of the item at p that matches one byte. */
static const char *item_end(const char *p)
{
    if (*p == ESCAPE)
        return p + 2;
    if (*p++ != '[')
        return p;
    if (*p == '^')
        p++;
    do
        p += *p == ESCAPE ? 2 : 1;
    while (*p != ']');
    return p + 1;
}

/* Whether the byte is in the set at p, whose closing bracket is at `last`. */
static bool is_in_set(int c, const char *p, const char *last)
{
    bool wanted = true;

    if (*++p == '^') {
        wanted = false;
        p++;
    }
    for (; p < last; p++) {
        if (*p == ESCAPE) {
            if (is_in_class(c, (unsigned char)*++p))
                return wanted;
        } else if (p[1] == '-' && p + 2 < last) {
            if ((unsigned char)*p <= c && c <= (unsigned char)p[2])
                return wanted;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return wanted;
        }
    }
    return !wanted;
}

/* Whether the item at p, which ends at `ep`, matches the byte. */
static bool matches_byte(int c, const char *p, const char *ep)
{
    switch (*p) {
    case '.':
        return true;
    case ESCAPE:
        return is_in_class(c, (unsigned char)p[1]);
    case '[':
        return is_in_set(c, p, ep - 1);
    default:
        return (unsigned char)*p == c;
    }
}

/* Whether the item matches at s. */
static bool matches(struct matcher *m, const char *s, const char *p,
                    const char *ep)
{
    if (s == m->end) {
        m->is_short = true;
        return false;
    }
    return matches_byte((unsigned char)*s, p, ep);
}

/* ---- items: each returns the end of a match from s, or NULL ---- */

static const char *match(struct matcher *m, const char *s, const char *p);

static const char *match_rest(struct matcher *m, const char *s, const char *p)
{
    const char *result = NULL;

    if (m->depth == DEPTH_MOST) {
        m->is_complex = true;
        return NULL;
    }
    m->depth++;
    result = match(m, s, p);
    m->depth--;
    return result;
}

/* As many as there are, or fewer. */
static const char *match_most(struct matcher *m, const char *s, const char *p,
                              const char *ep)
{
    const char *result = NULL;
    size_t n = 0;

    while (matches(m, s + n, p, ep))
        n++;
    for (n++; n > 0 && result == NULL && !m->is_complex; n--)
        result = match_rest(m, s + n - 1, ep + 1);
    return result;
}

/* As few as will do. */
static const char *match_fewest(struct matcher *m, const char *s, const char *p,
                                const char *ep)
{
    const char *result = match_rest(m, s, ep + 1);

    while (result == NULL && !m->is_complex && matches(m, s, p, ep))
        result = match_rest(m, ++s, ep + 1);
    return result;
}

/* One or none. */
static const char *match_optional(struct matcher *m, const char *s,
                                  const char *p, const char *ep)
{
    if (matches(m, s, p, ep)) {
        const char *result = match_rest(m, s + 1, ep + 1);

        if (result != NULL || m->is_complex)
            return result;
    }
    return match_rest(m, s, ep + 1);
}

static const char *match_open(struct matcher *m, const char *s, const char *p)
{
    bool is_position = *p == ')';
    int level = m->level++;
    const char *result;

    m->captures[level].from = s;
    m->captures[level].to = is_position ? s : NULL;
    m->captures[level].is_position = is_position;
    result = match_rest(m, s, is_position ? p + 1 : p);
    if (result == NULL)
        m->level--;
    return result;
}

static const char *match_close(struct matcher *m, const char *s, const char *p)
{
    int open = m->level - 1;
    const char *result;

    while (open >= 0 && m->captures[open].to != NULL)
        open--;
    if (open < 0)
        return NULL;
    m->captures[open].to = s;
    result = match_rest(m, s, p);
    if (result == NULL)
        m->captures[open].to = NULL;
    return result;
}

/* What lies between two bytes that balance. */
static const char *match_balance(struct matcher *m, const char *s,
                                 const char *p)
{
    int depth = 1;

    if (s == m->end)
        m->is_short = true;
    if (s == m->end || *s != p[0])
        return NULL;
    while (++s < m->end) {
        if (*s == p[1]) {
            if (--depth == 0)
                return s + 1;
        } else if (*s == p[0]) {
            depth++;
        }
    }
    m->is_short = true;
    return NULL;
}

/* The same as what was captured; a place is nothing that could be there. */
static const char *match_capture(struct matcher *m, const char *s, int number)
{
    const char *from = m->captures[number].from;
    size_t size = (size_t)(m->captures[number].to - from);
    size_t left = (size_t)(m->end - s);

    if (from == NULL || m->captures[number].is_position)
        return NULL;
    if (left < size) {
        m->is_short |= memcmp(from, s, left) == 0;
        return NULL;
    }
    return memcmp(from, s, size) == 0 ? s + size : NULL;
}

/* A frontier, whose set is at p: from a byte that is not in it to one that is.
 * Beyond both ends is '\0'. */
static bool is_frontier(struct matcher *m, const char *s, const char *p,
                        const char *ep)
{
    int before = s == m->begin ? '\0' : (unsigned char)s[-1];
    int after = s == m->end ? '\0' : (unsigned char)*s;

    if (is_in_set(before, p, ep - 1))
        return false;
    m->is_short |= s == m->end;
    return is_in_set(after, p, ep - 1);
}

/* An item that stands for itself, at *p, which is stepped over. Returns where
 * the rest is to match. */
static const char *match_fixed(struct matcher *m, const char *s, const char **p)
{
    const char *ep;

    if (**p == ESCAPE && (*p)[1] == 'b') {
        *p += 4;
        return match_balance(m, s, *p - 2);
    }
    if (**p == ESCAPE && (*p)[1] == 'f') {
        ep = item_end(*p + 2);
        if (!is_frontier(m, s, *p + 2, ep))
            s = NULL;
        *p = ep;
        return s;
    }
    if (**p == ESCAPE && isdigit((unsigned char)(*p)[1])) {
        *p += 2;
        return match_capture(m, s, (*p)[-1] - '1');
    }
    ep = item_end(*p);
    if (!matches(m, s, *p, ep))
        return NULL;
    *p = ep;
    return s + 1;
}

static bool is_single(const char *p)
{
    return *p != ESCAPE ||
           (p[1] != 'b' && p[1] != 'f' && !isdigit((unsigned char)p[1]));
}

/* Match the rest of the pattern. */
static const char *match(struct matcher *m, const char *s, const char *p)
{
    while (s != NULL && p != m->pattern_end) {
        const char *ep;

        if (*p == '(')
            return match_open(m, s, p + 1);
        if (*p == ')')
            return match_close(m, s, p + 1);
        if (*p == '$' && p + 1 == m->pattern_end) {
            m->is_short |= s == m->end;
            return s == m->end && m->is_last ? s : NULL;
        }
        ep = is_single(p) ? item_end(p) : m->pattern_end;
        switch (ep == m->pattern_end ? '\0' : *ep) {
        case '?':
            return match_optional(m, s, p, ep);
        case '*':
            return match_most(m, s, p, ep);
        case '+':
            return matches(m, s, p, ep) ? match_most(m, s + 1, p, ep) : NULL;
        case '-':
            return match_fewest(m, s, p, ep);
        default:
            s = match_fixed(m, s, &p);
        }
    }
    return s;
}

/* ---- the search ---- */

static void note_match(const struct matcher *m, struct match *result,
                       const char *to)
{
    result->to = (size_t)(to - m->begin);
    result->count = m->level;
    for (int i = 0; i < m->level; i++) {
        struct capture *c = &result->captures[i];

        c->from = (size_t)(m->captures[i].from - m->begin);
        c->size = m->captures[i].is_position
                      ? CAPTURE_POSITION
                      : (size_t)(m->captures[i].to - m->captures[i].from);
    }
}

/* Try the one place. */
static enum matching match_at(struct matcher *m, const struct pattern *p,
                              struct match *result)
{
    size_t left = result->length - result->from;
    const char *s = result->bytes + result->from;
    const char *to;

    m->end = s + (left < p->most ? left : p->most);
    m->is_last = result->ended && left <= p->most;
    m->is_short = m->is_complex = false;
    m->depth = m->level = 0;
    to = match(m, s, p->text);
    if (m->is_complex)
        return TOO_COMPLEX;
    if (m->is_short && !result->ended && left < p->most)
        return SHORT;
    if (to == NULL || to == s)
        return NONE;
    note_match(m, result, to);
    return MATCHED;
}

enum matching pattern_find(const struct pattern *p, struct match *result)
{
    struct matcher m = {
        .begin = result->bytes,
        .pattern_end = p->text + p->size,
    };
    enum matching found = NONE;

    while (found == NONE && result->from < result->length &&
           result->from <= result->last) {
        found = match_at(&m, p, result);
        result->from += found == NONE;
    }
    return found;
}
