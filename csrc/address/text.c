/*
 * text: makes addresses from text (inet, inet6, unix, address) and from the
 * bytes of a structure (unpack); see text.h.
 *
 * Ports, scope ids and flow labels are in host byte order in Lua, in network
 * byte order in the structure (ip(7), ipv6(7), unix(7)). No function here
 * resolves host names. Functions named sockeye_* are the module's.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#include "address/families.h"
#include "address/port.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/field.h"
#include "base/quote.h"
#include "base/text.h"
#include "open.h"

#define FLOWINFO_MAX 0x0fffffff

#define NOT_NUMERIC \
    "host is not numeric; sockeye.resolve finds the addresses of names"

/* ---- building ---- */

/* Return the numeric host at `arg`; NULL for the wildcard. */
static const char *opt_host(lua_State *L, int arg)
{
    const char *host = text_opt(L, arg, "host");

    return host == NULL || strcmp(host, "*") == 0 ? NULL : host;
}

static int reject_host(lua_State *L, const char *kind, const char *host)
{
    struct quote quote;

    lua_pushfstring(L, "not a numeric %s address: '%s'", kind,
                    quote_text(&quote, host, strlen(host)));
    return luaL_argerror(L, 1, lua_tostring(L, -1));
}

static bool set_inet(struct address *a, const char *host, in_port_t port)
{
    a->in.sin_family = AF_INET;
    a->in.sin_port = port;
    a->length = sizeof a->in;
    return host == NULL || inet_pton(AF_INET, host, &a->in.sin_addr) == 1;
}

/* Return the index of the interface that `text` names or numbers; 0: there is
 * none. */
static uint32_t parse_scope(lua_State *L, const char *text)
{
    uint32_t number;

    if (!text_is_decimal(text) || strlen(text) > 10)
        return address_find_interface(L, text);
    return text_parse_number(text, &number) ? number : 0;
}

/* Set an IPv6 address; `host` may end with "%scope", a name or a number. */
static bool set_inet6(lua_State *L, struct address *a, const char *host,
                      in_port_t port)
{
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE];
    char *percent;

    a->in6.sin6_family = AF_INET6;
    a->in6.sin6_port = port;
    a->length = sizeof a->in6;
    if (host == NULL)
        return true;
    if (strlen(host) >= sizeof text)
        return false;
    strcpy(text, host);
    percent = strchr(text, '%');
    if (percent != NULL) {
        *percent = '\0';
        a->in6.sin6_scope_id = parse_scope(L, percent + 1);
        if (a->in6.sin6_scope_id == 0)
            return false;
    }
    return inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1;
}

/* Set the path. Returns NULL, or what is wrong with it. */
static const char *set_path(struct address *a, const char *path, size_t length)
{
    a->un.sun_family = AF_UNIX;
    if (length > SUN_PATH_SIZE)
        return "path too long for sun_path";
    if (length > 0 && path[0] != '\0' && !text_is_whole(path, length))
        return "path contains a zero";
    memcpy(a->un.sun_path, path, length);
    address_normalise(a, (socklen_t)(SUN_PATH_OFFSET + length));
    return NULL;
}

/* Set the path. Returns true, or pushes what is wrong with it. */
static bool read_path(lua_State *L, struct address *a, const char *path,
                      size_t length)
{
    const char *problem = set_path(a, path, length);

    if (problem != NULL)
        lua_pushfstring(L, "%s (%I bytes, at most %I)", problem,
                        (LUAI_UACINT)length, (LUAI_UACINT)SUN_PATH_SIZE);
    return problem == NULL;
}

/*** Make an IPv4 address (ip(7)).
The host must be numeric; `resolve` finds the addresses of a name.
@function inet
@string[opt="*"] host dotted decimal, or `"*"` for INADDR_ANY
@int[opt=0] port in host byte order, 0 to 65535
@treturn Address
@raise argument error for a host that is no numeric IPv4 address
@usage local a = sockeye.inet("127.0.0.1", 80)
*/
static int sockeye_inet(lua_State *L)
{
    const char *host = opt_host(L, 1);
    in_port_t port = htons(port_opt(L, 2));

    if (!set_inet(address_new(L), host, port))
        return reject_host(L, "IPv4", host);
    return 1;
}

/* Return the scope id from field `scope` of the options, a name or a number. */
static uint32_t check_scope(lua_State *L, int arg)
{
    uint32_t scope = 0;
    int type = lua_getfield(L, arg, "scope");

    if (type == LUA_TNUMBER) {
        int isinteger;
        lua_Integer number = lua_tointegerx(L, -1, &isinteger);

        luaL_argcheck(L, isinteger && number >= 0 && number <= UINT32_MAX, arg,
                      "field 'scope' out of range");
        scope = (uint32_t)number;
    } else if (type == LUA_TSTRING) {
        size_t length;
        const char *name = lua_tolstring(L, -1, &length);

        if (text_is_whole(name, length))
            scope = parse_scope(L, name);
        luaL_argcheck(L, scope != 0, arg,
                      "field 'scope' names no interface of this system");
    } else {
        luaL_argcheck(L, type == LUA_TNIL, arg,
                      "field 'scope' must be an interface's name or index");
    }
    lua_pop(L, 1);
    return scope;
}

static uint32_t check_flowinfo(lua_State *L, int arg)
{
    int isinteger = 1;
    lua_Integer flowinfo = 0;

    if (lua_getfield(L, arg, "flowinfo") != LUA_TNIL)
        flowinfo = lua_tointegerx(L, -1, &isinteger);
    luaL_argcheck(L, isinteger && flowinfo >= 0 && flowinfo <= FLOWINFO_MAX,
                  arg, "field 'flowinfo' out of range (0 to 0x0fffffff)");
    lua_pop(L, 1);
    return (uint32_t)flowinfo;
}

static void check_options(lua_State *L, int arg, struct address *a)
{
    static const char *const fields[] = {"scope", "flowinfo", NULL};
    uint32_t scope;

    check_fields(L, arg, fields);
    scope = check_scope(L, arg);
    if (scope != 0)
        a->in6.sin6_scope_id = scope;
    a->in6.sin6_flowinfo = htonl(check_flowinfo(L, arg));
}

/*** Make an IPv6 address (ipv6(7)).
@function inet6
@string[opt="*"] host hexadecimal with colons, optionally with a scope after
`%`; or `"*"` for in6addr_any
@int[opt=0] port in host byte order, 0 to 65535
@tab[opt] options `scope`: an interface's name or index (RFC 4007);
`flowinfo`: traffic class and flow label, 0 to 0x0fffffff, in host byte order
@treturn Address
@raise argument error for a host that is no numeric IPv6 address, or an
interface that does not exist
@usage local a = sockeye.inet6("fe80::1", 80, {scope = "eth0"})
*/
static int sockeye_inet6(lua_State *L)
{
    const char *host = opt_host(L, 1);
    in_port_t port = htons(port_opt(L, 2));
    struct address *a;

    lua_settop(L, 3);
    a = address_new(L);
    if (!set_inet6(L, a, host, port))
        return reject_host(L, "IPv6", host);
    if (!lua_isnil(L, 3))
        check_options(L, 3, a);
    return 1;
}

/*** Make a Unix domain address (unix(7)).
@function unix
@string[opt] path a path of at most 108 bytes; if its first byte is zero, a name
in the abstract namespace, which may contain any byte; if absent, the address is
that of a socket without a name
@treturn Address
@raise argument error for a path that is empty, too long or contains a zero
@usage local a = sockeye.unix("/run/app.sock")
*/
static int sockeye_unix(lua_State *L)
{
    size_t length;
    const char *path = luaL_optlstring(L, 1, "", &length);
    struct address *a;

    lua_settop(L, 1);
    luaL_argcheck(L, length > 0 || lua_isnil(L, 1), 1, "empty path");
    a = address_new(L);
    if (!read_path(L, a, path, length))
        return luaL_argerror(L, 1, lua_tostring(L, -1));
    return 1;
}

/* ---- parsing ---- */

/* Read the "name" of "unix:name"; '@' stands for the zero of the abstract
 * namespace. */
static bool parse_unix(lua_State *L, struct address *a, const char *name,
                       size_t length)
{
    char path[SUN_PATH_SIZE];

    if (length > 0 && length <= sizeof path && name[0] == '@') {
        memcpy(path, name, length);
        path[0] = '\0';
        name = path;
    }
    return read_path(L, a, name, length);
}

/* Read "127.0.0.1:80", "*:80", "[::1]:80". Returns NULL, or what is wrong. */
static const char *parse_inet(lua_State *L, struct address *a, const char *text)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool bracketed = text[0] == '[' && length > 1 && text[length - 1] == ']';
    uint16_t port;

    if (colon == NULL || !port_parse(colon + 1, &port))
        return "it does not end with a port from 0 to 65535";
    if (length >= sizeof host)
        return "host is not numeric";
    memcpy(host, text, length);
    host[length - bracketed] = '\0';
    port = htons(port);
    if (bracketed ? set_inet6(L, a, host + 1, port)
                  : set_inet(a, strcmp(host, "*") == 0 ? NULL : host, port))
        return NULL;
    return NOT_NUMERIC;
}

/* Push the form of an address that the text may have been meant for, or nil:
 * a port alone, IPv6 without brackets, a host without a port. */
static void push_meant(lua_State *L, const char *text)
{
    const char *colon = strrchr(text, ':');
    int head = colon ? (int)(colon - text) : 0;
    int top = lua_gettop(L);
    struct address trial;

    if (strlen(text) >= INET6_ADDRSTRLEN + 6 || strchr(text, '%') != NULL) {
        lua_pushnil(L);
        return;
    }
    luaL_checkstack(L, 6, NULL);
    lua_pushfstring(L, "*%s", text);
    lua_pushfstring(L, "*:%s", text);
    lua_pushlstring(L, text, (size_t)head);
    lua_pushfstring(L, "[%s]:%s", lua_tostring(L, -1), colon ? colon + 1 : "");
    lua_replace(L, -2);
    lua_pushfstring(L, "[%s]:0", text);
    lua_pushfstring(L, "%s:0", text);
    for (int i = top + 1; i <= top + 5; i++) {
        memset(&trial, 0, sizeof trial);
        if (parse_inet(L, &trial, lua_tostring(L, i)) == NULL) {
            lua_pushvalue(L, i);
            return;
        }
    }
    lua_pushnil(L);
}

/* Push what is wrong with a text that parse_inet has refused. */
static void push_problem(lua_State *L, const char *text, const char *problem)
{
    struct quote quote;

    push_meant(L, text);
    quote_text(&quote, text, strlen(text));
    if (lua_isnil(L, -1))
        lua_pushfstring(L, "not an address: '%s' (%s)", quote.text, problem);
    else
        lua_pushfstring(L, "not an address: '%s' (did you mean '%s'?)",
                        quote.text, lua_tostring(L, -1));
}

/* Read "packet:eth0/arp". Returns NULL, or what is wrong. */
static const char *parse_other(lua_State *L, struct address *a,
                               const struct address_family *f, const char *text)
{
    address_reset(a, f);
    return f->parse(L, a, text + strlen(f->prefix));
}

/* Push the address that the string at `index` describes; or push what is wrong
 * with it and return NULL. */
static const struct address *parse_address(lua_State *L, int index)
{
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    const struct address_family *f = address_family_named(text);
    struct address *a = address_new(L);
    const char *problem = NULL;
    struct quote quote;

    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(L, a, text + 5, length - 5) ? a : NULL;
    if (!text_is_whole(text, length))
        problem = "it contains a zero";
    else if (f != NULL)
        problem = parse_other(L, a, f, text);
    else
        problem = parse_inet(L, a, text);
    if (problem == NULL)
        return a;
    if (f == NULL && text_is_whole(text, length)) {
        push_problem(L, text, problem);
        return NULL;
    }
    lua_pushfstring(L, "not an address: '%s' (%s)",
                    quote_text(&quote, text, length), problem);
    return NULL;
}

const struct address *address_read(lua_State *L, int index)
{
    const struct address *a = address_test(L, index);

    if (a != NULL)
        return a;
    if (lua_type(L, index) != LUA_TSTRING) {
        lua_pushfstring(L, "%s or string expected, got %s", ADDRESS_TYPE,
                        luaL_typename(L, index));
        return NULL;
    }
    a = parse_address(L, index);
    if (a != NULL)
        lua_replace(L, index);
    return a;
}

/* Push what is meant by a host that is followed by its port in an argument of
 * its own; nothing, unless it is. */
static void consider_port(lua_State *L, int arg)
{
    static const char *const forms[] = {"%s:%d", "[%s]:%d"};
    size_t length;
    const char *host = lua_tolstring(L, arg, &length);
    lua_Integer port = lua_tointeger(L, arg + 1);
    struct address trial;
    struct quote quote;

    if (host == NULL || !text_is_whole(host, length) ||
        length >= INET6_ADDRSTRLEN || !lua_isinteger(L, arg + 1) || port < 0 ||
        port > UINT16_MAX)
        return;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        memset(&trial, 0, sizeof trial);
        lua_pushfstring(L, forms[i], host, (int)port);
        if (parse_inet(L, &trial, lua_tostring(L, -1)) == NULL) {
            lua_pushfstring(L, "not an address: '%s' (did you mean '%s'?)",
                            host, lua_tostring(L, -1));
            return;
        }
        lua_pop(L, 1);
    }
    if (strchr(host, ':') == NULL && !text_is_decimal(host))
        lua_pushfstring(L, "not an address: '%s' (%s)",
                        quote_text(&quote, host, length), NOT_NUMERIC);
}

const struct address *address_check(lua_State *L, int arg)
{
    bool is_text = lua_type(L, arg) == LUA_TSTRING;
    const struct address *a = address_read(L, arg);

    if (a == NULL && is_text)
        consider_port(L, arg);
    if (a == NULL)
        luaL_argerror(L, arg, lua_tostring(L, -1));
    return a;
}

/*** Make the address that a string describes; the reverse of `tostring`.
@function address
@param text `"127.0.0.1:80"`, `"[::1]:80"`, `"[fe80::1%eth0]:80"`, `"*:80"`
(INADDR_ANY), `"unix:/path"`, `"unix:@abstract"`, `"unix:"`,
`"packet:eth0/arp/02:42:ac:11:00:02/ether/outgoing"` (`"packet:*"`: any
interface; trailing parts may be omitted), `"netlink:0/0x1"`, `"vsock:2:1024"`
(or `"vsock:any:any"`), `"can:can0"`, `"can:can0/0x7e8/0x7e0"` (ISO-TP),
`"alg:hash/sha256"`, `"tipc:name/18888/17/0"`, `"tipc:nameseq/18888/0/99"`,
`"tipc:id/1/2"`. An `Address` is returned as it is.
@treturn Address
@raise argument error that says what is wrong with the string
@usage local a = sockeye.address("[::1]:8080")
*/
static int sockeye_address(lua_State *L)
{
    lua_settop(L, 1);
    address_check(L, 1);
    return 1;
}

/*** Make an address from the bytes of a `sockaddr` structure.
@function unpack
@string bytes a structure as `Address:pack` returns it
@treturn Address the address; of an unknown family, only the fields
`family` and `bytes` are set
@raise argument error if the bytes are no such structure
*/
static int sockeye_unpack(lua_State *L)
{
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    struct address *a = address_new(L);
    const struct address_family *f;
    size_t least = sizeof a->any.sa_family;

    luaL_argcheck(L, length >= least && length <= sizeof a->bytes, 1,
                  "not a sockaddr: 2 to 128 bytes expected");
    memcpy(a->bytes, bytes, length);
    f = address_family(a);
    if (f != NULL)
        least = f->normalise(a);
    else if (a->any.sa_family == AF_INET)
        least = sizeof a->in;
    else if (a->any.sa_family == AF_INET6)
        least = sizeof a->in6;
    luaL_argcheck(L, length >= least, 1, "too short for its family");
    luaL_argcheck(L, a->any.sa_family != AF_UNIX || length <= sizeof a->un, 1,
                  "path too long for sun_path");
    address_normalise(a, (socklen_t)length);
    return 1;
}

/* primitives.read_address(value): returns the address; or nil and what is wrong
 * with the value. */
static int sockeye_read_address(lua_State *L)
{
    lua_settop(L, 1);
    if (address_read(L, 1) != NULL) {
        lua_settop(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

static const luaL_Reg functions[] = {
    {"inet", sockeye_inet},     {"inet6", sockeye_inet6},
    {"unix", sockeye_unix},     {"address", sockeye_address},
    {"unpack", sockeye_unpack}, {NULL, NULL},
};

void open_address_text(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "primitives");
    lua_pushcfunction(L, sockeye_read_address);
    lua_setfield(L, -2, "read_address");
    lua_pop(L, 1);
}
