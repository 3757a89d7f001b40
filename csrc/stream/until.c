/*
 * until: the method read_until of a stream: up to a delimiter, up to the first
 * of several, or up to a match of a pattern.
 *
 * What was searched is not searched again when more has come. A list and a
 * pattern are copied to a userdata, which takes their place at index 2.
 */
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "base/field.h"
#include "base/size.h"
#include "open.h"
#include "stream/pattern.h"
#include "stream/reading.h"

#define MOST_DELIMITERS 1000
#define USUAL_MATCH 1024 /* bytes of a pattern's match */

/* The user value is a table of the strings. */
struct delimiters {
    size_t count;
    bool begins[UCHAR_MAX + 1]; /* whether one begins with this byte */
    struct {
        const char *bytes;
        size_t size;
    } list[];
};

/* ---- one delimiter ---- */

/* Stack: the stream, the delimiter, which may begin before `scanned`. */
static enum outcome read_delimited(lua_State *L, struct reading *r)
{
    size_t size;
    const char *delimiter = lua_tolstring(L, 2, &size);
    size_t from = r->scanned >= size ? r->scanned - (size - 1) : 0;

    return reading_push_until(
        L, r, memmem(r->bytes + from, r->length - from, delimiter, size), size,
        0);
}

static int until_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, until_step};

    (void)status;
    return reading_run(L, &call, "read_until", read_delimited, context,
                       size_of_integer(lua_tointeger(L, 3)));
}

/* ---- several ---- */

/* Find the longest delimiter at `bytes`, of which there are `left`. Returns its
 * place in the list, or `count`. Sets *is_short if more bytes could make it
 * another one. */
static size_t find_longest(const struct delimiters *d, const char *bytes,
                           size_t left, bool *is_short)
{
    size_t found = d->count;

    *is_short = false;
    for (size_t i = 0; i < d->count; i++) {
        size_t size = d->list[i].size;
        size_t common = size < left ? size : left;

        if (memcmp(bytes, d->list[i].bytes, common) != 0)
            continue;
        if (common < size)
            *is_short = true;
        else if (found == d->count || size > d->list[found].size)
            found = i;
    }
    return found;
}

/* Stack: the stream, the delimiters. Push what comes before one, and that. */
static enum outcome push_listed(lua_State *L, struct reading *r, size_t at,
                                size_t which)
{
    const struct delimiters *d = lua_touserdata(L, 2);

    if (reading_push(L, r, at) == CHANGED)
        return CHANGED;
    lua_getiuservalue(L, 2, 1);
    lua_rawgeti(L, -1, (lua_Integer)which + 1);
    lua_remove(L, -2);
    r->at += d->list[which].size;
    return FOUND;
}

static enum outcome read_listed(lua_State *L, struct reading *r)
{
    const struct delimiters *d = lua_touserdata(L, 2);
    size_t at = r->scanned;

    for (; at < r->length && at <= r->max; at++) {
        const char *bytes = r->bytes + at;
        bool is_short;
        size_t which;

        if (!d->begins[(unsigned char)*bytes])
            continue;
        which = find_longest(d, bytes, r->length - at, &is_short);
        if (is_short && !r->ended)
            break;
        if (which < d->count)
            return push_listed(L, r, at, which);
    }
    return reading_go_on(L, r, at);
}

static int list_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, list_step};

    (void)status;
    return reading_run(L, &call, "read_until", read_listed, context,
                       size_of_integer(lua_tointeger(L, 3)));
}

/* Copy the list's strings to a new table. Returns how many they are. */
static size_t copy_list(lua_State *L)
{
    size_t count = field_count(L, 2, 2, NULL, MOST_DELIMITERS);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 1; i <= count; i++) {
        lua_geti(L, 2, (lua_Integer)i);
        if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
            lua_pushfstring(L, "element %d must be a string that is not empty",
                            (int)i);
            luaL_argerror(L, 2, lua_tostring(L, -1));
        }
        lua_rawseti(L, -2, (lua_Integer)i);
    }
    return count;
}

/* Put the delimiters of the list at 2 into its place. */
static void take_list(lua_State *L)
{
    size_t count = copy_list(L);
    struct delimiters *d =
        lua_newuserdatauv(L, sizeof *d + count * sizeof *d->list, 1);

    memset(d, 0, sizeof *d);
    d->count = count;
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        d->list[i].bytes = lua_tolstring(L, -1, &d->list[i].size);
        d->begins[(unsigned char)*d->list[i].bytes] = true;
        lua_pop(L, 1);
    }
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
    lua_replace(L, 2);
}

/* ---- a pattern ---- */

static enum outcome push_capture(lua_State *L, struct reading *r,
                                 const struct capture *c)
{
    if (c->size != CAPTURE_POSITION)
        return reading_push_part(L, r, c->from, c->size);
    lua_pushinteger(L, (lua_Integer)c->from + 1);
    return FOUND;
}

static enum outcome push_match(lua_State *L, struct reading *r,
                               const struct match *m)
{
    enum outcome outcome = reading_push(L, r, m->from);

    if (outcome == FOUND)
        outcome = reading_push_part(L, r, m->from, m->to - m->from);
    for (int i = 0; i < m->count && outcome == FOUND; i++)
        outcome = push_capture(L, r, &m->captures[i]);
    r->at = m->to;
    return outcome;
}

/* Stack: the stream, the pattern. Push what comes before a match, that, and its
 * captures. */
static enum outcome read_matched(lua_State *L, struct reading *r)
{
    struct match m = {
        .bytes = r->bytes,
        .length = r->length,
        .ended = r->ended,
        .last = r->max,
        .from = r->scanned,
    };

    switch (pattern_find(lua_touserdata(L, 2), &m)) {
    case MATCHED:
        return push_match(L, r, &m);
    case TOO_COMPLEX:
        luaL_error(L, "pattern too complex");
        return TOO_MANY;
    default:
        return reading_go_on(L, r, m.from);
    }
}

static int pattern_step(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"read", POLLIN, pattern_step};

    (void)status;
    return reading_run(L, &call, "read_until", read_matched, context,
                       size_of_integer(lua_tointeger(L, 3)));
}

/* Put the pattern of the table at 2 into its place. */
static void take_pattern(lua_State *L)
{
    lua_Integer most =
        field_opt_integer(L, 2, 2, "max", 1, LUA_MAXINTEGER, USUAL_MATCH);
    struct pattern *p = lua_newuserdatauv(L, sizeof *p, 1);
    const char *wrong;

    if (lua_getfield(L, 2, "pattern") != LUA_TSTRING)
        field_argerror(L, 2, "pattern", "must be a string");
    p->text = lua_tolstring(L, -1, &p->size);
    p->most = size_of_integer(most);
    wrong = pattern_check(p);
    if (wrong != NULL)
        luaL_argerror(L, 2, wrong);
    lua_setiuservalue(L, -2, 1);
    lua_replace(L, 2);
}

/* ---- the method ---- */

/* Prepare a call with the table at 2. Returns its step. */
static lua_KFunction take_table(lua_State *L)
{
    static const char *const names[] = {"max", "pattern", NULL};
    bool is_list = lua_getfield(L, 2, "pattern") == LUA_TNIL;

    lua_pop(L, 1);
    if (!is_list || field_count(L, 2, 2, NULL, MOST_DELIMITERS) == 0)
        check_fields(L, 2, names);
    if (is_list) {
        take_list(L);
        luaL_argcheck(L, ((struct delimiters *)lua_touserdata(L, 2))->count > 0,
                      2, "list must not be empty");
        return list_step;
    }
    luaL_checkstack(L, PATTERN_CAPTURES + 2, NULL);
    take_pattern(L);
    return pattern_step;
}

/*** Read up to a delimiter, up to the first of several, or up to a match of a
pattern.

Of several delimiters the one that begins first counts, and the longest of those
that begin there: with `{"\r\n", "\r"}`, a carriage return that has come waits
for the byte after it.

A pattern is one of Lua's; it is searched for, and does not match nothing: `^` at
its beginning is an error. A match has at most `max` bytes, as though the data
ended there. It is returned once nothing that may follow could change it: `"\n"`
at once, `"%d+"` when another byte than a digit has come, or `max` bytes of the
match, or the end of the stream. So the results do not depend on the pieces in
which the data arrives.
@function Stream:read_until
@tparam string|table delimiter any bytes, at least one; or a list of such
strings; or a table with the fields `pattern` and `max`, the maximum number of
bytes of a match (default: 1024)
@int[opt] max the maximum number of bytes before it; nil: that of `setmax`
@treturn ?string the bytes before the delimiter, which is removed from the
stream, too; at the end of the stream, what is left, and then nil; `false` if it
would have to wait in non-blocking mode
@treturn ?string of a list, the delimiter that was found; of a pattern, the
match; nothing at the end of the stream
@return the captures of a pattern, as `string.match` returns them; a position
counts from the first byte of the first result, which is 1
@raise EMSGSIZE if more than `max` bytes come before the delimiter: they stay in
the stream, and can be read with a larger `max`; otherwise as `read`. Argument
error for a malformed pattern; an error for one that is too complex for
`string.find` as well
@usage
local head = conn:read_until("\r\n\r\n", 16384)
local line, ending = conn:read_until({"\r\n", "\n"})
local name, match, digits = conn:read_until({pattern = ":%s*(%d+)\n", max = 80})
*/
static int stream_read_until(lua_State *L)
{
    lua_KFunction step = until_step;
    size_t size;

    if (!lua_istable(L, 2)) {
        luaL_checklstring(L, 2, &size);
        luaL_argcheck(L, size > 0, 2, "delimiter must not be empty");
    }
    luaL_argcheck(L, luaL_optinteger(L, 3, 1) > 0, 3, "max must be positive");
    lua_settop(L, 3);
    if (lua_istable(L, 2))
        step = take_table(L);
    return step(L, LUA_OK, WAIT_FIRST);
}

void open_stream_until(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"read_until", stream_read_until},
        {NULL, NULL},
    };

    stream_add_methods(L, methods);
}
