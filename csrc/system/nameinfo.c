/*
 * nameinfo: host and service names for an address; see resolver.h.
 *
 * Follows getnameinfo(3). Functions named sockeye_* are the module's.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address/address.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/names.h"
#include "open.h"
#include "system/resolver.h"

/* clang-format off */
static const struct name nameinfo_flag_rows[] = {
    {"numerichost", NI_NUMERICHOST}, {"numericserv", NI_NUMERICSERV},
    {"namereqd", NI_NAMEREQD}, {"dgram", NI_DGRAM}, {"nofqdn", NI_NOFQDN},
#ifdef NI_IDN
    {"idn", NI_IDN},
#endif
    {NULL, 0},
};
/* clang-format on */

static const struct names nameinfo_flags = {
    "flag", {"NI_", NULL}, nameinfo_flag_rows};

struct naming {
    struct job job; /* for a thread */
    struct resolver_answer answer;
    socklen_t length;
    int flags;
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    };
    char host[NI_MAXHOST];
    char service[NI_MAXHOST]; /* which may be the path of a Unix socket */
};

/* Call getnameinfo, which may wait for name servers. Runs in a thread too, so
 * it uses nothing of Lua. */
static void name(struct naming *n)
{
    int code;

    errno = 0;
    code = getnameinfo(&n->any, n->length, n->host, sizeof n->host, n->service,
                       sizeof n->service, n->flags);
    resolver_note(&n->answer, code, errno);
}

static void run_naming(struct job *job)
{
    name((struct naming *)job);
}

static void release_naming(struct job *job, bool done)
{
    (void)done;
    free((struct naming *)job);
}

static struct job *copy_naming(const void *question)
{
    struct naming *n = malloc(sizeof *n);

    if (n == NULL)
        return NULL;
    *n = *(const struct naming *)question;
    n->job = (struct job){.run = run_naming, .release = release_naming};
    return &n->job;
}

/* Push the path of a Unix socket. A name of the abstract namespace may contain
 * any byte, at which the C library's text ends. */
static void push_path(lua_State *L, const struct naming *n)
{
    const char *path = (const char *)&n->storage + SUN_PATH_OFFSET;
    size_t length = n->length - SUN_PATH_OFFSET;

    if (length > 0 && path[0] != '\0')
        length = strnlen(path, length);
    lua_pushlstring(L, path, length);
}

static int give_names(lua_State *L, const struct naming *n)
{
    if (n->answer.code != 0) {
        resolver_push_error(L, "getnameinfo", n->answer);
        return lua_error(L);
    }
    lua_pushstring(L, n->host);
    if (n->any.sa_family == AF_UNIX)
        push_path(L, n);
    else
        lua_pushstring(L, n->service);
    return 2;
}

static int nameinfo_step(lua_State *L, int status, lua_KContext context);

static const struct call nameinfo_call = {"getnameinfo", POLLIN, nameinfo_step};

static int nameinfo_step(lua_State *L, int status, lua_KContext context)
{
    struct job *job = resolver_await(L, &nameinfo_call, context);
    struct job_handle *h = lua_touserdata(L, RESOLVER_HANDLE);
    struct naming n = *(struct naming *)job;
    bool again = n.answer.code != 0 && resolver_try_again(L, &n.answer);

    (void)status;
    job_handle_drop(L, h);
    if (!again)
        return give_names(L, &n);
    lua_settop(L, RESOLVER_LIST);
    resolver_send(L, nameinfo_call.name, copy_naming, &n);
    return nameinfo_step(L, LUA_OK, WAIT_FIRST);
}

/* Read the arguments. */
static void read_naming(lua_State *L, struct naming *n)
{
    const struct address *a = address_check(L, 1);

    memset(n, 0, sizeof *n);
    n->flags = names_flags(L, 2, &nameinfo_flags);
    n->length = a->length;
    memcpy(&n->storage, a->bytes, a->length);
}

/* In this thread. */
static int name_at_once(lua_State *L, int status, lua_KContext context)
{
    static const struct call call = {"getnameinfo", 0, name_at_once};
    struct naming n;

    (void)status;
    wait_turn(L, &call, context);
    read_naming(L, &n);
    do
        name(&n);
    while (n.answer.code != 0 && resolver_try_again(L, &n.answer));
    return give_names(L, &n);
}

/* Whether no name server is asked. */
static bool is_numeric(const struct naming *n)
{
    return n->any.sa_family == AF_UNIX || (n->flags & NI_NUMERICHOST);
}

/*** Return the host and service names of an address (getnameinfo(3)).
Inside a task, or under a deadline, it waits as `resolve` does.
@function nameinfo
@param address an `Address`, or a string as `sockeye.address` takes it
@param[opt] flags names in one string: `"numerichost"`, `"numericserv"`,
`"namereqd"` (raise an error if the host has no name), `"dgram"` (return UDP's
service), `"nofqdn"`
@treturn string the host; in numeric form if it has no name
@treturn string the service; its port if it has no name; the path of a Unix
socket, or its abstract name, which begins with a zero
@raise EAI_NONAME, EAI_AGAIN, EAI_FAMILY, … with the address in `address`
@usage local host, service = sockeye.nameinfo("127.0.0.1:80")
*/
static int sockeye_nameinfo(lua_State *L)
{
    struct naming n;

    read_naming(L, &n);
    lua_settop(L, RESOLVER_LIST);
    if (resolver_may_block(L) || is_numeric(&n))
        return name_at_once(L, LUA_OK, WAIT_FIRST);
    resolver_send(L, nameinfo_call.name, copy_naming, &n);
    return nameinfo_step(L, LUA_OK, WAIT_FIRST);
}

void open_nameinfo(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"nameinfo", sockeye_nameinfo},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    names_export(L, &nameinfo_flags);
}
