/*
 * port: ports and services as scripts give them; see port.h.
 */
#include <string.h>

#include "address/port.h"
#include "base/argument.h"
#include "base/quote.h"
#include "base/text.h"
#include "open.h"

#define MOST_DIGITS 5

#define OUT_OF_RANGE "port out of range (0 to 65535), got %s"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool port_parse(const char *text, uint16_t *port)
{
    uint32_t number;

    if (!text_is_decimal(text) || strlen(text) > MOST_DIGITS ||
        !text_parse_number(text, &number) || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* Whether the text is an integer, perhaps with a sign. */
static bool is_integer(const char *text)
{
    const char *digits = text + (*text == '-' || *text == '+');

    return *digits != '\0' && text_is_decimal(digits);
}

/* Whether the text may name a service: it has no byte that only a mistake can
 * explain, and is no number (RFC 6335, section 5.1: there is a letter). */
static bool may_name_service(const char *text)
{
    if (*text == '+' || *text == '-' || text[strcspn(text, LETTERS)] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f ||
            strchr("@:[]", *text) != NULL)
            return false;
    }
    return true;
}

/* Push what is wrong with a text that is no port, nor `other`. */
static void push_problem(lua_State *L, const char *text, const char *other)
{
    struct quote quote;

    quote_text(&quote, text, strlen(text));
    if (is_integer(text) && *text != '+')
        lua_pushfstring(L, OUT_OF_RANGE, quote.text);
    else
        lua_pushfstring(L, "not a port%s: '%s'", other, quote.text);
}

static bool read_number(lua_State *L, int index, uint16_t *port)
{
    int is_whole;
    lua_Integer number = lua_tointegerx(L, index, &is_whole);

    if (is_whole && number >= 0 && number <= UINT16_MAX) {
        *port = (uint16_t)number;
        return true;
    }
    if (is_whole)
        lua_pushfstring(L, OUT_OF_RANGE, luaL_tolstring(L, index, NULL));
    else
        lua_pushliteral(L, "number has no integer representation");
    return false;
}

/* Return the text at `index`; or push what is wrong with it and return NULL. */
static const char *read_text(lua_State *L, int index, const char *expected)
{
    size_t length;
    const char *text = lua_tolstring(L, index, &length);

    if (text != NULL && text_is_whole(text, length))
        return text;
    if (text != NULL)
        lua_pushliteral(L, "name contains a zero");
    else
        lua_pushfstring(L, "%s expected, got %s", expected,
                        luaL_typename(L, index));
    return NULL;
}

/* Read the port at `index`. Returns true, or pushes what is wrong. */
static bool read_port(lua_State *L, int index, uint16_t *port)
{
    const char *text;

    if (lua_type(L, index) == LUA_TNUMBER)
        return read_number(L, index, port);
    text = read_text(L, index, "number");
    if (text == NULL)
        return false;
    if (port_parse(text, port))
        return true;
    push_problem(L, text, "");
    return false;
}

/* Return the service at `index` as text, which replaces a number there; or push
 * what is wrong and return NULL. */
static const char *read_service(lua_State *L, int index)
{
    const char *text;
    uint16_t port;

    if (lua_type(L, index) == LUA_TNUMBER) {
        if (!read_number(L, index, &port))
            return NULL;
        lua_pushinteger(L, port);
        lua_replace(L, index);
        return lua_tostring(L, index);
    }
    text = read_text(L, index, "string");
    if (text == NULL || port_parse(text, &port) || may_name_service(text))
        return text;
    push_problem(L, text, " or a service's name");
    return NULL;
}

uint16_t port_check(lua_State *L, int arg)
{
    uint16_t port = 0;

    if (!read_port(L, arg, &port))
        luaL_argerror(L, arg, lua_tostring(L, -1));
    return port;
}

uint16_t port_opt(lua_State *L, int arg)
{
    return lua_isnoneornil(L, arg) ? 0 : port_check(L, arg);
}

const char *port_opt_service(lua_State *L, int arg)
{
    const char *text;

    if (lua_isnoneornil(L, arg))
        return NULL;
    text = read_service(L, arg);
    if (text == NULL)
        luaL_argerror(L, arg, lua_tostring(L, -1));
    return text;
}

/* primitives.read_service(value): returns the service, a name or a port, as
 * text; or nil and what is wrong with the value. */
static int sockeye_read_service(lua_State *L)
{
    lua_settop(L, 1);
    if (read_service(L, 1) != NULL) {
        lua_settop(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

void open_port(lua_State *L)
{
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_read_service);
    lua_setfield(L, -2, "read_service");
    lua_pop(L, 1);
}
