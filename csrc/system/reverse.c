/*
 * reverse: the names of a host by its address; see resolver.h.
 *
 * Follows gethostbyaddr(3). Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address/families.h"
#include "address/host.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/c_memory.h"
#include "base/quote.h"
#include "base/text.h"
#include "open.h"
#include "system/resolver.h"

#define IPV6_MOST 64 /* of an address with a scope */

/* A copy of the C library's answer: the names, each ended by a zero, then the
 * addresses. */
struct entry {
    int family;
    size_t address_size;
    size_t names;
    size_t addresses;
    char bytes[];
};

struct reverse {
    struct job job; /* for a thread */
    struct resolver_answer answer;
    struct host host;
    struct entry *entry; /* memory of the C library; NULL: none */
};

#ifdef __GLIBC__

static size_t count(char *const *list)
{
    size_t n = 0;

    while (list[n] != NULL)
        n++;
    return n;
}

static char *append(char *place, const char *bytes, size_t size)
{
    memcpy(place, bytes, size);
    return place + size;
}

static struct entry *copy_entry(const struct hostent *found)
{
    size_t size = strlen(found->h_name) + 1;
    size_t each = (size_t)found->h_length;
    struct entry *e;
    char *place;

    for (char *const *alias = found->h_aliases; *alias; alias++)
        size += strlen(*alias) + 1;
    e = malloc(sizeof *e + size + each * count(found->h_addr_list));
    if (e == NULL)
        return NULL;
    e->family = found->h_addrtype;
    e->address_size = each;
    e->names = 1 + count(found->h_aliases);
    e->addresses = count(found->h_addr_list);
    place = append(e->bytes, found->h_name, strlen(found->h_name) + 1);
    for (char *const *alias = found->h_aliases; *alias; alias++)
        place = append(place, *alias, strlen(*alias) + 1);
    for (char *const *address = found->h_addr_list; *address; address++)
        place = append(place, *address, each);
    return e;
}

static int code_of(int h_error)
{
    switch (h_error) {
    case TRY_AGAIN:
        return EAI_AGAIN;
    case NO_RECOVERY:
        return EAI_FAIL;
    case NETDB_INTERNAL:
        return EAI_SYSTEM;
    default:
        return EAI_NONAME;
    }
}

/* Ask once, with `size` bytes for the answer. Returns 0, an EAI_ code; or
 * EAI_OVERFLOW: they were too few. */
static int ask(struct reverse *r, size_t size)
{
    struct hostent place;
    struct hostent *found = NULL;
    int h_error = 0;
    char *bytes = malloc(size);
    socklen_t length =
        r->host.family == AF_INET ? sizeof r->host.in : sizeof r->host.in6;
    int error;

    if (bytes == NULL)
        return EAI_MEMORY;
    error = gethostbyaddr_r(&r->host.in, length, r->host.family, &place, bytes,
                            size, &found, &h_error);
    if (error == 0 && found != NULL)
        r->entry = copy_entry(found);
    free(bytes);
    if (error == ERANGE)
        return EAI_OVERFLOW;
    if (error != 0)
        errno = error;
    if (error != 0 || found == NULL)
        return code_of(h_error);
    return r->entry != NULL ? 0 : EAI_MEMORY;
}

#define MOST_BYTES ((size_t)1 << 24)

static int look_up(struct reverse *r)
{
    size_t size = 1024;
    int code;

    while ((code = ask(r, size)) == EAI_OVERFLOW && size < MOST_BYTES)
        size *= 2;
    return code;
}

#else

/* Where gethostbyaddr_r is absent, or gives addresses without a name their text:
 * the name alone. */
static int look_up(struct reverse *r)
{
    size_t each =
        r->host.family == AF_INET ? sizeof r->host.in : sizeof r->host.in6;
    struct sockaddr_storage name;
    socklen_t length = r->host.family == AF_INET ? sizeof(struct sockaddr_in)
                                                 : sizeof(struct sockaddr_in6);
    char text[NI_MAXHOST];
    struct entry *e;
    int code;

    host_store(&name, &r->host);
    code = getnameinfo((struct sockaddr *)&name, length, text, sizeof text,
                       NULL, 0, NI_NAMEREQD);
    if (code != 0)
        return code;
    e = malloc(sizeof *e + strlen(text) + 1 + each);
    if (e == NULL)
        return EAI_MEMORY;
    *e = (struct entry){r->host.family, each, 1, 1};
    strcpy(e->bytes, text);
    memcpy(e->bytes + strlen(text) + 1, &r->host.in, each);
    r->entry = e;
    return 0;
}

#endif

/* Runs in a thread too, so it uses nothing of Lua. */
static void reverse(struct reverse *r)
{
    int code;

    errno = 0;
    code = look_up(r);
    resolver_note(&r->answer, code, errno);
}

static void run_reverse(struct job *job)
{
    reverse((struct reverse *)job);
}

static void release_reverse(struct job *job, bool done)
{
    struct reverse *r = (struct reverse *)job;

    if (done)
        free(r->entry);
    free(r);
}

static struct job *copy_reverse(const void *question)
{
    struct reverse *r = malloc(sizeof *r);

    if (r == NULL)
        return NULL;
    *r = *(const struct reverse *)question;
    r->job = (struct job){.run = run_reverse, .release = release_reverse};
    r->entry = NULL;
    return &r->job;
}

/* ---- the answer as a table ---- */

static void push_address(lua_State *L, const struct entry *e, const char *bytes)
{
    struct sockaddr_storage name;
    struct host host;

    memset(&host, 0, sizeof host);
    host.family = e->family;
    memcpy(&host.in, bytes, e->address_size);
    host_store(&name, &host);
    address_push(L, (struct sockaddr *)&name,
                 e->family == AF_INET ? sizeof(struct sockaddr_in)
                                      : sizeof(struct sockaddr_in6));
}

/* Push the table, and free the entry. */
static int push_entry(lua_State *L, struct c_memory *owner)
{
    const struct entry *e = owner->memory;
    const char *place = e->bytes;

    lua_createtable(L, 0, 3);
    place += strlen(lua_pushstring(L, place)) + 1;
    lua_setfield(L, -2, "name");
    lua_createtable(L, (int)e->names - 1, 0);
    for (size_t i = 1; i < e->names; i++) {
        place += strlen(lua_pushstring(L, place)) + 1;
        lua_rawseti(L, -2, (lua_Integer)i);
    }
    lua_setfield(L, -2, "aliases");
    lua_createtable(L, (int)e->addresses, 0);
    for (size_t i = 1; i <= e->addresses; i++) {
        push_address(L, e, place);
        place += e->address_size;
        lua_rawseti(L, -2, (lua_Integer)i);
    }
    lua_setfield(L, -2, "addresses");
    c_memory_release(owner);
    return 1;
}

/* The owner of the entry is at RESOLVER_LIST. */
static int give(lua_State *L, struct reverse *r)
{
    struct c_memory *owner = lua_touserdata(L, RESOLVER_LIST);

    if (r->answer.code != 0) {
        resolver_push_error(L, "gethostbyaddr", r->answer);
        return lua_error(L);
    }
    owner->memory = r->entry;
    r->entry = NULL;
    return push_entry(L, owner);
}

/* ---- the call ---- */

static int reverse_step(lua_State *L, int status, lua_KContext context);

static const struct call reverse_call = {"gethostbyaddr", POLLIN, reverse_step};

static int reverse_step(lua_State *L, int status, lua_KContext context)
{
    struct reverse *job =
        (struct reverse *)resolver_await(L, &reverse_call, context);
    struct job_handle *h = lua_touserdata(L, RESOLVER_HANDLE);
    struct c_memory *owner = lua_touserdata(L, RESOLVER_LIST);
    struct reverse r = *job;

    (void)status;
    if (r.answer.code == 0) {
        owner->memory = job->entry;
        job->entry = NULL;
        job_handle_drop(L, h);
        return push_entry(L, owner);
    }
    if (!resolver_try_again(L, &r.answer)) {
        job_handle_drop(L, h);
        return give(L, &r);
    }
    job_handle_drop(L, h);
    lua_settop(L, RESOLVER_LIST);
    resolver_send(L, reverse_call.name, copy_reverse, &r);
    return reverse_step(L, LUA_OK, WAIT_FIRST);
}

/* Return the address that the text at index 1 names: an IPv6 address with a
 * scope, or an address whose port is ignored. Leaves it on the stack. */
static const struct address *read_text(lua_State *L)
{
    size_t length;
    const char *text = lua_tolstring(L, 1, &length);
    const struct address *a = NULL;
    struct quote quote;

    if (text_is_whole(text, length) && length < IPV6_MOST) {
        lua_pushfstring(L, "[%s]:0", text);
        a = address_read(L, lua_gettop(L));
    }
    if (a == NULL) {
        lua_pushvalue(L, 1);
        a = address_read(L, lua_gettop(L));
    }
    if (a == NULL) {
        lua_pushfstring(L, "numeric address expected, got '%s'",
                        quote_text(&quote, text, length));
        luaL_argerror(L, 1, lua_tostring(L, -1));
    }
    return a;
}

/* Read the argument: an address, whose port is ignored, or a numeric host. */
static void read_host(lua_State *L, struct reverse *r)
{
    const struct address *a = NULL;
    int top = lua_gettop(L);

    memset(r, 0, sizeof *r);
    lua_pushvalue(L, 1);
    if (lua_type(L, 1) != LUA_TSTRING)
        a = address_check(L, 1);
    else if (!host_parse(L, &r->host))
        a = read_text(L);
    luaL_argcheck(L, a == NULL || host_of(&r->host, &a->any), 1,
                  "IPv4 or IPv6 address expected");
    lua_settop(L, top);
}

/* In this thread. */
static int reverse_at_once(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"gethostbyaddr", 0, reverse_at_once};
    struct reverse r;

    (void)status;
    wait_turn(L, &call, context);
    read_host(L, &r);
    do
        reverse(&r);
    while (r.answer.code != 0 && resolver_try_again(L, &r.answer));
    return give(L, &r);
}

/*** Return the names of a host by its address (gethostbyaddr(3)).
`nameinfo` returns one name. Inside a task, or under a deadline, it waits as
`resolve` does.
@function gethostbyaddr
@param address an `Address`, whose port is ignored, or a numeric host:
`"127.0.0.1"`, `"fe80::1%eth0"`
@treturn table `name`, the official name; `aliases`, a list of the others; and
`addresses`, a list of those that the host has. With musl there are no aliases,
and the one address.
@raise EAI_NONAME if it has no name; EAI_AGAIN, EAI_FAIL; with the address in
`address`; ECANCELED; ETIMEDOUT with `timeout`
@usage
local host = sockeye.gethostbyaddr("127.0.0.1")
print(host.name, table.concat(host.aliases, " "))
*/
static int sockeye_gethostbyaddr(lua_State *L)
{
    struct reverse r;

    lua_settop(L, 1);
    read_host(L, &r);
    lua_settop(L, RESOLVER_LIST - 1);
    c_memory_new(L, free);
    if (resolver_may_block(L))
        return reverse_at_once(L, LUA_OK, WAIT_FIRST);
    resolver_send(L, reverse_call.name, copy_reverse, &r);
    return reverse_step(L, LUA_OK, WAIT_FIRST);
}

void open_reverse(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"gethostbyaddr", sockeye_gethostbyaddr},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
