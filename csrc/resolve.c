/*
 * resolve: hosts and services by their names, and the names of addresses.
 *
 * Follows getaddrinfo(3) and getnameinfo(3). What the resolver says is raised by
 * its EAI_ code, what the system says by errno. Functions named sockeye_* are
 * the module's.
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <lauxlib.h>

#include "error.h"
#include "interrupt.h"
#include "foreign.h"
#include "names.h"
#include "resolve.h"
#include "sockaddr.h"
#include "socket.h"
#include "wait.h"

/* clang-format off */
static const struct name hint_flag_rows[] = {
    {"passive", AI_PASSIVE}, {"canonname", AI_CANONNAME},
    {"numerichost", AI_NUMERICHOST}, {"numericserv", AI_NUMERICSERV},
    {"v4mapped", AI_V4MAPPED}, {"all", AI_ALL}, {"addrconfig", AI_ADDRCONFIG},
#ifdef AI_IDN
    {"idn", AI_IDN}, {"canonidn", AI_CANONIDN},
#endif
    {NULL, 0},
};

static const struct name nameinfo_flag_rows[] = {
    {"numerichost", NI_NUMERICHOST}, {"numericserv", NI_NUMERICSERV},
    {"namereqd", NI_NAMEREQD}, {"dgram", NI_DGRAM}, {"nofqdn", NI_NOFQDN},
#ifdef NI_IDN
    {"idn", NI_IDN},
#endif
    {NULL, 0},
};
/* clang-format on */

static const struct names hint_flags = {"flag", {"AI_", NULL}, hint_flag_rows};
static const struct names nameinfo_flags = {
    "flag", {"NI_", NULL}, nameinfo_flag_rows};

/* ---- arguments ---- */

/* The string at `arg`, NULL where there is none: a zero in it would hide what
 * follows. */
static const char *opt_text(lua_State *L, int arg)
{
    size_t length = 0;
    const char *text = luaL_optlstring(L, arg, NULL, &length);

    luaL_argcheck(L, text == NULL || strlen(text) == length, arg,
                  "name contains a zero");
    return text;
}

static lua_Integer check_port(lua_State *L, int arg)
{
    lua_Integer port = luaL_checkinteger(L, arg);

    luaL_argcheck(L, port >= 0 && port <= 65535, arg,
                  "port out of range (0 to 65535)");
    return port;
}

/* A service by name or port, as text. The C library would cut a port that is
 * too large, so digits are checked as a number is. */
static const char *opt_service(lua_State *L, int arg)
{
    const char *text;

    if (lua_type(L, arg) == LUA_TNUMBER) {
        lua_pushinteger(L, check_port(L, arg));
        lua_replace(L, arg);
        return lua_tostring(L, arg);
    }
    text = opt_text(L, arg);
    if (text != NULL && *text != '\0' &&
        text[strspn(text, "+-0123456789")] == '\0')
        check_port(L, arg);
    return text;
}

struct hint {
    const char *key;
    const struct names *names;
    bool several; /* names of flags, in one string */
    size_t offset;
};

static const struct hint hint_rows[] = {
    {"family", &family_names, false, offsetof(struct addrinfo, ai_family)},
    {"type", &type_names, false, offsetof(struct addrinfo, ai_socktype)},
    {"protocol", &protocol_names, false,
     offsetof(struct addrinfo, ai_protocol)},
    {"flags", &hint_flags, true, offsetof(struct addrinfo, ai_flags)},
    {NULL, NULL, false, 0},
};

static const struct hint *find_hint(const char *key)
{
    const struct hint *row = hint_rows;

    while (row->key && strcmp(row->key, key) != 0)
        row++;
    return row->key ? row : NULL;
}

static int reject_hint(lua_State *L, int arg, const char *key)
{
    struct nearest nearest;

    nearest_start(&nearest, key);
    for (const struct hint *row = hint_rows; row->key; row++)
        nearest_offer(&nearest, row->key);
    return nearest_argerror(L, arg, "hint", &nearest);
}

/* The hints at `arg`; each value takes the table's place while it is checked,
 * so that messages speak of the right argument. */
static void check_hints(lua_State *L, int arg, struct addrinfo *hints)
{
    if (lua_isnil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_pushvalue(L, arg);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *key =
            lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        const struct hint *row = key ? find_hint(key) : NULL;
        int value;

        if (row == NULL) {
            reject_hint(L, arg, key ? key : luaL_tolstring(L, -2, NULL));
            return;
        }
        lua_replace(L, arg);
        value = row->several ? names_flags(L, arg, row->names)
                             : (int)names_check(L, arg, row->names);
        memcpy((char *)hints + row->offset, &value, sizeof value);
    }
    lua_replace(L, arg);
}

/* ---- names to addresses ---- */

struct query {
    const char *host;
    const char *service;
    struct addrinfo hints;
    struct addrinfo *list;
    int code;  /* zero, or an EAI_ code */
    int error; /* errno, for EAI_SYSTEM */
};

/* The resolver calls it a name that does not exist when it gets no descriptor
 * to look for it; only errno, which was zero before, knows better. */
static int true_code(int code, int error)
{
    return code != 0 && (error == EMFILE || error == ENFILE) ? EAI_SYSTEM
                                                             : code;
}

/* The one call that waits for name servers; it knows nothing of Lua. */
static void look_up(struct query *q)
{
    errno = 0;
    q->code = getaddrinfo(q->host, q->service, &q->hints, &q->list);
    q->error = errno;
    q->code = true_code(q->code, q->error);
}

static void free_list(void *list)
{
    freeaddrinfo(list);
}

/* After a failed attempt: whether to try once more. */
static bool try_again(lua_State *L, int code, int error, bool *collected)
{
    if (code != EAI_SYSTEM)
        return false;
    if (error == EINTR)
        interrupt_run(L);
    return error == EINTR || collect_descriptors(L, error, collected);
}

/* Raise what the resolver says of the host or address at `subject`. */
static int raise_failure(lua_State *L, const char *call, int code, int error,
                         int subject)
{
    if (code != EAI_SYSTEM)
        return raise_eai(L, call, code, subject);
    push_errno(L, call, error, 0);
    lua_pushvalue(L, subject);
    lua_setfield(L, -2, "address");
    return lua_error(L);
}

static void push_result(lua_State *L, const struct addrinfo *ai)
{
    lua_createtable(L, 0, 4);
    address_push(L, ai->ai_addr, ai->ai_addrlen);
    lua_setfield(L, -2, "address");
    names_push(L, &type_names, ai->ai_socktype);
    lua_setfield(L, -2, "type");
    names_push(L, &protocol_names, ai->ai_protocol);
    lua_setfield(L, -2, "protocol");
    if (ai->ai_canonname != NULL) {
        lua_pushstring(L, ai->ai_canonname);
        lua_setfield(L, -2, "canonname");
    }
}

/*** The addresses of a host and service (getaddrinfo(3)).
In the order in which they are best tried (RFC 6724). Without a type every
address comes once for each type that it serves. A number for the service is a
port in host byte order.
@function resolve
@string[opt] host a name or a numeric address; nil: the loopback addresses, or
the wildcards with the flag `"passive"`
@param[opt] service a name, a port from 0 to 65535, or nil
@tab[opt] hints `family`, `type` and `protocol` as `socket` takes them; `flags`,
names in one string: `"passive"`, `"canonname"`, `"numerichost"`,
`"numericserv"`, `"v4mapped"`, `"all"`, `"addrconfig"`, …
@treturn {table,...} each with `address`, `type` (`"stream"`), `protocol`
(`"tcp"`); the first with `canonname` where the flag asked for it
@raise EAI_NONAME, EAI_AGAIN, EAI_SERVICE, EAI_FAMILY, … with the host in
`address`; argument error for an unknown hint or a zero in a name
@usage
for _, found in ipairs(sockeye.resolve("localhost", "http",
                                       {type = "stream"})) do
  print(found.address)
end
*/
static int sockeye_resolve(lua_State *L)
{
    struct query q = {.code = 0};
    struct foreign *list;
    bool collected = false;
    lua_Integer count = 0;

    lua_settop(L, 3);
    q.host = opt_text(L, 1);
    q.service = opt_service(L, 2);
    check_hints(L, 3, &q.hints);
    list = foreign_new(L, free_list);
    do
        look_up(&q);
    while (q.code != 0 && try_again(L, q.code, q.error, &collected));
    if (q.code != 0)
        return raise_failure(L, "getaddrinfo", q.code, q.error, 1);
    list->memory = q.list;
    lua_newtable(L);
    for (const struct addrinfo *ai = q.list; ai; ai = ai->ai_next) {
        push_result(L, ai);
        lua_rawseti(L, -2, ++count);
    }
    foreign_release(list);
    return 1;
}

/* ---- addresses to names ---- */

/*** The names of an address (getnameinfo(3)).
@function nameinfo
@param address an `Address`, or a string as `sockeye.address` takes it
@param[opt] flags names in one string: `"numerichost"`, `"numericserv"`,
`"namereqd"` (a host without a name is an error), `"dgram"` (the service of
UDP), `"nofqdn"`
@treturn string the host, its numeric form where it has no name
@treturn string the service, likewise
@raise EAI_NONAME, EAI_AGAIN, EAI_FAMILY, … with the address in `address`
@usage local host, service = sockeye.nameinfo("127.0.0.1:80")
*/
static int sockeye_nameinfo(lua_State *L)
{
    const struct address *a = address_check(L, 1);
    int flags = names_flags(L, 2, &nameinfo_flags);
    char host[NI_MAXHOST];
    char service[NI_MAXHOST]; /* the path of a Unix socket is one */
    bool collected = false;
    int error;
    int code;

    lua_settop(L, 2);
    do {
        errno = 0;
        code = getnameinfo(&a->any, a->length, host, sizeof host, service,
                           sizeof service, flags);
        error = errno;
        code = true_code(code, error);
    } while (code != 0 && try_again(L, code, error, &collected));
    if (code != 0)
        return raise_failure(L, "getnameinfo", code, error, 1);
    lua_pushstring(L, host);
    lua_pushstring(L, service);
    return 2;
}

void open_resolve(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"nameinfo", sockeye_nameinfo},
        {"resolve", sockeye_resolve},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &hint_flags);
    names_export(L, &nameinfo_flags);
}
