/*
 * names: the system's constants by name; see names.h.
 *
 * Names match in any case, with or without their prefix. An unknown name raises
 * an argument error that suggests the nearest one.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/argument.h"
#include "base/names.h"
#include "base/nearest.h"
#include "base/text.h"

#define FLAG_SEPARATORS " ,|\t\n"
/* No flags need more: every name of a kind at once is shorter. */
#define FLAGS_MOST 1024
#define WORD_MOST 64 /* bytes of a name, with its prefix and the final zero */

/* Return the text after its prefix, if it has one. */
static const char *without_prefix(const struct names *names, const char *text)
{
    for (int i = 0; i < 2; i++) {
        const char *prefix = names->prefixes[i];
        size_t length = prefix ? strlen(prefix) : 0;

        if (length > 0 && strncasecmp(text, prefix, length) == 0)
            return text + length;
    }
    return text;
}

static const struct name *find_name(const struct names *names, const char *text)
{
    const char *bare = without_prefix(names, text);

    for (const struct name *row = names->rows; row->text; row++) {
        if (strcasecmp(row->text, bare) == 0)
            return row;
    }
    return NULL;
}

bool names_find(const struct names *names, const char *text, lua_Integer *value)
{
    const struct name *row = find_name(names, text);

    if (row != NULL)
        *value = row->value;
    return row != NULL;
}

bool names_parse(const struct names *names, const char *text, uint32_t most,
                 uint32_t *number)
{
    lua_Integer value;

    if (names_find(names, text, &value)) {
        *number = (uint32_t)value;
        return true;
    }
    return text_parse_number(text, number) && *number <= most;
}

/* Push a constant's full name: "AF_INET". */
static void push_prefixed(lua_State *L, const char *prefix, const char *text)
{
    luaL_Buffer buffer;

    luaL_buffinit(L, &buffer);
    luaL_addstring(&buffer, prefix);
    for (; *text != '\0'; text++)
        luaL_addchar(&buffer, (char)toupper((unsigned char)*text));
    luaL_pushresult(&buffer);
}

/* Push what is wrong with the name. One that was written with its prefix has a
 * suggestion with it, too. */
static void push_unknown(lua_State *L, const struct names *names,
                         const char *text)
{
    struct nearest nearest;
    const char *bare = without_prefix(names, text);

    nearest_start(&nearest, bare, strlen(bare));
    for (const struct name *row = names->rows; row->text; row++)
        nearest_offer(&nearest, row->text);
    nearest.wanted = text;
    nearest.length = strlen(text);
    if (nearest.best != NULL && bare != text) {
        bool is_second = names->prefixes[1] != NULL &&
                         strncasecmp(text, names->prefixes[1],
                                     strlen(names->prefixes[1])) == 0;

        push_prefixed(L, names->prefixes[is_second], nearest.best);
        nearest.best = lua_tostring(L, -1);
    }
    nearest_push(L, names->kind, &nearest);
}

/* Raise the problem on top of the stack as an argument error. */
static int raise_problem(lua_State *L, int arg)
{
    return luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* Read a number given instead of a name. Returns true, or pushes what is
 * wrong. */
static bool read_number(lua_State *L, int index, lua_Integer *value)
{
    int is_integer;

    *value = lua_tointegerx(L, index, &is_integer);
    if (!is_integer)
        lua_pushliteral(L, "number has no integer representation");
    else if (*value < 0 || *value > 0x7fffffff)
        lua_pushfstring(L, "number out of range, got %I", (LUAI_UACINT)*value);
    else
        return true;
    return false;
}

/* Return the string at `index`, which must not contain a zero; or push what is
 * wrong with it and return NULL. */
static const char *read_text(lua_State *L, int index)
{
    size_t length;
    const char *text = lua_tolstring(L, index, &length);

    if (text == NULL) {
        lua_pushfstring(L, "string expected, got %s", luaL_typename(L, index));
        return NULL;
    }
    if (text_is_whole(text, length))
        return text;
    lua_pushliteral(L, "name contains a zero");
    return NULL;
}

bool names_read(lua_State *L, int index, const struct names *names,
                lua_Integer *value)
{
    const char *text;

    if (lua_type(L, index) == LUA_TNUMBER)
        return read_number(L, index, value);
    text = read_text(L, index);
    if (text == NULL)
        return false;
    if (names_find(names, text, value))
        return true;
    push_unknown(L, names, text);
    return false;
}

int names_push_read(lua_State *L, int index, const struct names *names)
{
    lua_Integer value;

    if (!names_read(L, index, names, &value)) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushinteger(L, value);
    return 1;
}

lua_Integer names_check(lua_State *L, int arg, const struct names *names)
{
    lua_Integer value;

    if (!lua_isstring(L, arg))
        luaL_typeerror(L, arg, names->kind);
    return names_read(L, arg, names, &value) ? value : raise_problem(L, arg);
}

lua_Integer names_opt(lua_State *L, int arg, const struct names *names,
                      lua_Integer absent)
{
    return lua_isnoneornil(L, arg) ? absent : names_check(L, arg, names);
}

/* Add the flag of the first word of `*text`, and move past the word. Returns
 * true, having allocated nothing, or pushes what is wrong. */
static bool read_flag(lua_State *L, const struct names *names,
                      const char **text, lua_Integer *flags)
{
    size_t length = strcspn(*text, FLAG_SEPARATORS);
    const struct name *row = NULL;
    char word[WORD_MOST];

    if (length < sizeof word) {
        memcpy(word, *text, length);
        word[length] = '\0';
        row = find_name(names, word);
    }
    if (row == NULL) {
        push_unknown(L, names, lua_pushlstring(L, *text, length));
        return false;
    }
    *flags |= row->value;
    *text += length;
    return true;
}

static bool read_words(lua_State *L, int index, const struct names *names,
                       lua_Integer *flags)
{
    const char *text = read_text(L, index);

    if (text == NULL)
        return false;
    if (lua_rawlen(L, index) > FLAGS_MOST) {
        lua_pushfstring(L, "too long (at most %d bytes)", FLAGS_MOST);
        return false;
    }
    while (*(text += strspn(text, FLAG_SEPARATORS)) != '\0') {
        if (!read_flag(L, names, &text, flags))
            return false;
    }
    return true;
}

bool names_read_flags(lua_State *L, int index, const struct names *names,
                      int *flags)
{
    lua_Integer value = 0;
    bool is_right = true;

    if (lua_type(L, index) == LUA_TNUMBER)
        is_right = read_number(L, index, &value);
    else if (!lua_isnoneornil(L, index))
        is_right = read_words(L, index, names, &value);
    *flags = (int)value;
    return is_right;
}

int names_check_flags(lua_State *L, int arg, const struct names *names)
{
    int flags;

    if (!names_read_flags(L, arg, names, &flags))
        raise_problem(L, arg);
    return flags;
}

static const struct name *find_value(const struct names *names,
                                     lua_Integer value)
{
    for (const struct name *row = names->rows; row->text; row++) {
        if (row->value == value)
            return row;
    }
    return NULL;
}

void names_push(lua_State *L, const struct names *names, lua_Integer value)
{
    const struct name *row = find_value(names, value);

    if (row != NULL)
        lua_pushstring(L, row->text);
    else
        lua_pushinteger(L, value);
}

void names_push_constant(lua_State *L, const struct names *names,
                         lua_Integer value)
{
    const struct name *row = find_value(names, value);

    if (row != NULL)
        push_prefixed(L, names->prefixes[0], row->text);
    else
        lua_pushinteger(L, value);
}

static bool is_identifier(const char *text)
{
    while (isalnum((unsigned char)*text) || *text == '_')
        text++;
    return *text == '\0';
}

void names_export(lua_State *L, const struct names *names)
{
    for (int i = 0; i < 2 && names->prefixes[i]; i++) {
        for (const struct name *row = names->rows; row->text; row++) {
            if (!is_identifier(row->text))
                continue;
            push_prefixed(L, names->prefixes[i], row->text);
            lua_pushinteger(L, row->value);
            lua_rawset(L, -3);
        }
    }
}
