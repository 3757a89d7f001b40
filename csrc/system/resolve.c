/*
 * resolve: addresses for host and service names; see resolver.h.
 *
 * Follows getaddrinfo(3). Inside a task, or under a deadline, a thread makes
 * the call and the caller waits for it; otherwise the call blocks. Functions
 * named sockeye_* are the module's.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/families.h"
#include "address/port.h"
#include "address/protocol.h"
#include "base/argument.h"
#include "base/c_memory.h"
#include "base/field.h"
#include "base/names.h"
#include "base/nearest.h"
#include "base/quote.h"
#include "base/text.h"
#include "open.h"
#include "socket/socket.h"
#include "system/idn.h"
#include "system/resolver.h"

/* A stack index beside those of resolver.h. */
enum { SERVICE = 2 };

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

/* clang-format on */

static const struct names hint_flags = {"flag", {"AI_", NULL}, hint_flag_rows};

/* ---- arguments ---- */

struct hint {
    const char *key;
    const struct names *names;
    bool several; /* several names in one string */
    size_t offset;
};

static const struct hint hint_rows[] = {
    {"family", &address_family_names, false,
     offsetof(struct addrinfo, ai_family)},
    {"type", &socket_type_names, false, offsetof(struct addrinfo, ai_socktype)},
    {"protocol", &protocol_names, false,
     offsetof(struct addrinfo, ai_protocol)},
    {"flags", &hint_flags, true, offsetof(struct addrinfo, ai_flags)},
    {NULL, NULL, false, 0},
};

/* Return the hint that the key at -2 names, or NULL. */
static const struct hint *find_hint(lua_State *L)
{
    const struct hint *row = hint_rows;
    size_t length;
    const char *key;

    if (lua_type(L, -2) != LUA_TSTRING)
        return NULL;
    key = lua_tolstring(L, -2, &length);
    while (row->key && !text_is_name(key, length, row->key))
        row++;
    return row->key ? row : NULL;
}

/* Raise an error for the key on top of the stack. */
static int reject_hint(lua_State *L, int arg)
{
    struct nearest nearest;
    size_t length;
    const char *key = luaL_tolstring(L, -1, &length);

    nearest_start(&nearest, key, length);
    for (const struct hint *row = hint_rows; row->key; row++)
        nearest_offer(&nearest, row->key);
    return nearest_argerror(L, arg, "hint", &nearest);
}

/* Read the hints at `arg`. Each value replaces the table while it is checked,
 * so that errors blame the right argument. */
static void check_hints(lua_State *L, int arg, struct addrinfo *hints)
{
    if (lua_isnil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_pushvalue(L, arg);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const struct hint *row = find_hint(L);
        int value;

        if (row == NULL) {
            lua_pop(L, 1);
            reject_hint(L, arg);
            return;
        }
        lua_replace(L, arg);
        value = row->several ? names_flags(L, arg, row->names)
                             : (int)names_check(L, arg, row->names);
        memcpy((char *)hints + row->offset, &value, sizeof value);
    }
    lua_replace(L, arg);
}

/* The host, in ASCII; NULL for nil. */
static const char *opt_host(lua_State *L, char *ascii)
{
    const char *host;

    if (lua_isnil(L, 1))
        return NULL;
    luaL_checkstring(L, 1);
    host = idn_read_host(L, 1, ascii);
    if (host == NULL)
        luaL_argerror(L, 1, lua_tostring(L, -1));
    return host;
}

/* ---- names to addresses ---- */

struct query {
    struct job job; /* for a thread */
    struct resolver_answer answer;
    const char *host;
    const char *service;
    struct addrinfo hints;
    struct addrinfo *list;
    char text[]; /* of host and service, in the copy for a thread */
};

/* Call getaddrinfo, which may wait for name servers. Runs in a thread too, so
 * it uses nothing of Lua. */
static void look_up(struct query *q)
{
    int code;

    errno = 0;
    code = getaddrinfo(q->host, q->service, &q->hints, &q->list);
    resolver_note(&q->answer, code, errno);
}

static void free_list(void *list)
{
    freeaddrinfo(list);
}

static void push_result(lua_State *L, const struct addrinfo *ai, int flags)
{
    lua_createtable(L, 0, 4);
    address_push(L, ai->ai_addr, ai->ai_addrlen);
    lua_setfield(L, -2, "address");
    field_set_name(L, "type", &socket_type_names, ai->ai_socktype);
    field_set_name(L, "protocol", &protocol_names, ai->ai_protocol);
    /* musl always sets it. */
    if (ai->ai_canonname != NULL && (flags & AI_CANONNAME) != 0) {
        field_set_string(L, "canonname", ai->ai_canonname);
    }
}

/* Push a table of the results that the hints' flags ask for, and free the
 * list. */
static int push_results(lua_State *L, struct c_memory *list, int flags)
{
    lua_Integer count = 0;

    lua_newtable(L);
    for (const struct addrinfo *ai = list->memory; ai; ai = ai->ai_next) {
        push_result(L, ai, flags);
        lua_rawseti(L, -2, ++count);
    }
    c_memory_release(list);
    return 1;
}

/* Whether name servers must be asked: a numeric host is looked up without
 * them, whatever the service. */
static bool needs_servers(const struct query *q)
{
    struct query numeric = {.host = q->host};

    if (q->host == NULL)
        return false;
    numeric.hints = q->hints;
    numeric.hints.ai_flags |= AI_NUMERICHOST;
    look_up(&numeric);
    if (numeric.answer.code == 0)
        freeaddrinfo(numeric.list);
    return numeric.answer.code == EAI_NONAME ||
           numeric.answer.code == EAI_SYSTEM;
}

static void run_query(struct job *job)
{
    look_up((struct query *)job);
}

static void release_query(struct job *job, bool done)
{
    struct query *q = (struct query *)job;

    if (done && q->answer.code == 0 && q->list != NULL)
        freeaddrinfo(q->list);
    free(q);
}

static const char *copy_text(char **place, const char *text)
{
    size_t size = text != NULL ? strlen(text) + 1 : 0;
    char *copy = *place;

    if (text == NULL)
        return NULL;
    memcpy(copy, text, size);
    *place += size;
    return copy;
}

/* Copy a query, with its strings, for a thread. NULL: no memory. */
static struct job *copy_query(const void *question)
{
    const struct query *from = question;
    size_t size = (from->host ? strlen(from->host) + 1 : 0) +
                  (from->service ? strlen(from->service) + 1 : 0);
    struct query *q = malloc(sizeof *q + size);
    char *place;

    if (q == NULL)
        return NULL;
    *q = *from;
    place = q->text;
    q->host = copy_text(&place, from->host);
    q->service = copy_text(&place, from->service);
    q->job = (struct job){.run = run_query, .release = release_query};
    q->list = NULL;
    return &q->job;
}

/* Raise the answer's error. A name that is no service is part of it: what the
 * C library says names none. */
static int raise_answer(lua_State *L, struct resolver_answer answer)
{
    const char *service = lua_tostring(L, SERVICE);
    struct quote quote;

    resolver_push_error(L, "getaddrinfo", answer);
    if (answer.code == EAI_SERVICE && service && !text_is_decimal(service)) {
        lua_pushfstring(L, "unknown service '%s'",
                        quote_text(&quote, service, strlen(service)));
        lua_setfield(L, -2, "message");
        lua_pushvalue(L, SERVICE);
        lua_setfield(L, -2, "service");
    }
    return lua_error(L);
}

static int resolve_step(lua_State *L, int status, lua_KContext context);

static const struct call resolve_call = {"getaddrinfo", POLLIN, resolve_step};

static int resolve_step(lua_State *L, int status, lua_KContext context)
{
    struct query *q = (struct query *)resolver_await(L, &resolve_call, context);
    struct job_handle *h = lua_touserdata(L, RESOLVER_HANDLE);
    struct c_memory *list = lua_touserdata(L, RESOLVER_LIST);
    struct resolver_answer answer = q->answer;

    (void)status;
    if (answer.code == 0) {
        int flags = q->hints.ai_flags;

        list->memory = q->list;
        q->list = NULL;
        job_handle_drop(L, h);
        return push_results(L, list, flags);
    }
    if (resolver_try_again(L, &q->answer)) {
        resolver_send(L, resolve_call.name, copy_query, q);
        job_handle_drop(L, h);
        lua_replace(L, RESOLVER_HANDLE);
        return resolve_step(L, LUA_OK, WAIT_FIRST);
    }
    job_handle_drop(L, h);
    return raise_answer(L, answer);
}

static int resolve_later(lua_State *L, const struct query *q)
{
    resolver_send(L, resolve_call.name, copy_query, q);
    return resolve_step(L, LUA_OK, WAIT_FIRST);
}

/* Also where no thread is asked, tasks take turns, and a scope may be over.
 * Stack: the arguments. */
static int resolve_in_turn(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"getaddrinfo", 0, resolve_in_turn};
    struct query q = {.host = NULL};
    struct c_memory *list;
    char ascii[IDN_HOST_SIZE];

    (void)status;
    q.host = opt_host(L, ascii);
    q.service = port_opt_service(L, SERVICE);
    check_hints(L, 3, &q.hints);
    wait_turn(L, &call, context);
    list = c_memory_new(L, free_list);
    if (!resolver_may_block(L) && needs_servers(&q))
        return resolve_later(L, &q);
    do
        look_up(&q);
    while (q.answer.code != 0 && resolver_try_again(L, &q.answer));
    if (q.answer.code != 0)
        return raise_answer(L, q.answer);
    list->memory = q.list;
    return push_results(L, list, q.hints.ai_flags);
}

/*** Look up the addresses of a host and service (getaddrinfo(3)).
They come in the order in which to try them (RFC 6724). Without a type in the
hints, each address comes once for each type that the service has. A number for
the service is a port in host byte order.

Inside a task, other tasks run during the call, and it can be cancelled: a thread
asks the name servers (see `resolver`). Outside of tasks it blocks, unless called
under a deadline of `timeout`.
@function resolve
@string[opt] host a name, in UTF-8 where it is not ASCII (see `idn`), or a numeric
address; nil: the loopback addresses, or
the wildcards with the flag `"passive"`
@param[opt] service a name, a port from 0 to 65535, or nil
@tab[opt] hints `family`, `type` and `protocol` as `socket` takes them; `flags`,
names in one string: `"passive"`, `"canonname"`, `"numerichost"`,
`"numericserv"`, `"v4mapped"`, `"all"`, `"addrconfig"`, …
@treturn {table,...} each with `address`, `type` (`"stream"`), `protocol`
(`"tcp"`); the first with `canonname` if the flag was given
@raise EAI_NONAME, EAI_AGAIN, EAI_SERVICE, EAI_FAMILY, … with the host in
`address`; ECANCELED; ETIMEDOUT with `timeout`; argument error for an unknown
hint or a zero in a name
@usage
for _, found in ipairs(sockeye.resolve("localhost", "http",
                                       {type = "stream"})) do
  print(found.address)
end
*/
static int sockeye_resolve(lua_State *L)
{
    lua_settop(L, 3);
    return resolve_in_turn(L, LUA_OK, WAIT_FIRST);
}

void open_resolve(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"resolve", sockeye_resolve},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &hint_flags);
}
