/*
 * netdb: the system's databases of services and protocols.
 *
 * Follows getservbyname(3), getservbyport(3), getprotobyname(3) and
 * getprotobynumber(3). Functions named sockeye_* are the module's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "address/port.h"
#include "base/argument.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "open.h"
#include "socket/socket.h"

/* A copy of an entry of either database, with its strings one after another,
 * each ended by a zero: the name, a service's protocol, the aliases. The C
 * library's own entry is overwritten by the next call, which a finaliser may
 * make. */
struct entry {
    int number;
    size_t count; /* strings */
    size_t used;  /* bytes */
    size_t size;
    char text[];
};

/* Append a string; one that does not fit is only counted. */
static void add_string(struct entry *e, const char *text)
{
    size_t length = strlen(text) + 1;

    if (e->used + length <= e->size)
        memcpy(e->text + e->used, text, length);
    e->used += length;
    e->count++;
}

static void add_strings(struct entry *e, char *const *list)
{
    for (; *list != NULL; list++)
        add_string(e, *list);
}

static bool copy_service(struct entry *e, const struct servent *found)
{
    if (found == NULL)
        return false;
    e->number = ntohs((in_port_t)found->s_port);
    add_string(e, found->s_name);
    add_string(e, found->s_proto);
    add_strings(e, found->s_aliases);
    return true;
}

static bool copy_protocol(struct entry *e, const struct protoent *found)
{
    if (found == NULL)
        return false;
    e->number = found->p_proto;
    add_string(e, found->p_name);
    add_strings(e, found->p_aliases);
    return true;
}

/* A look-up. */
struct question {
    const char *call;
    const char *name;
    int number;
    const char *protocol;
};

typedef bool lookup(const struct question *q, struct entry *e);

#ifdef __GLIBC__

/* Memory for one answer of the C library. */
struct answer_memory {
    char small[1024];
    char *bytes; /* small, or memory of malloc */
    size_t size;
};

static void start_memory(struct answer_memory *r)
{
    r->bytes = r->small;
    r->size = sizeof r->small;
}

static void end_memory(struct answer_memory *r)
{
    if (r->bytes != r->small)
        free(r->bytes);
}

/* Whether to look once more, after `error`: with more memory. */
static bool grow_memory(struct answer_memory *r, int error)
{
    if (error != ERANGE)
        return false;
    end_memory(r);
    r->size *= 2;
    r->bytes = malloc(r->size);
    return r->bytes != NULL;
}

static bool end_service(struct entry *e, struct answer_memory *r,
                        const struct servent *found)
{
    bool copied = copy_service(e, found);
    int error = errno;

    end_memory(r);
    errno = error;
    return copied;
}

static bool end_protocol(struct entry *e, struct answer_memory *r,
                         const struct protoent *found)
{
    bool copied = copy_protocol(e, found);
    int error = errno;

    end_memory(r);
    errno = error;
    return copied;
}

static bool service_by_name(const struct question *q, struct entry *e)
{
    struct servent answer, *found;
    struct answer_memory r;
    int error;

    start_memory(&r);
    do
        error = getservbyname_r(q->name, q->protocol, &answer, r.bytes, r.size,
                                &found);
    while (grow_memory(&r, error));
    return end_service(e, &r, found);
}

static bool service_by_port(const struct question *q, struct entry *e)
{
    struct servent answer, *found;
    int port = htons((in_port_t)q->number);
    struct answer_memory r;
    int error;

    start_memory(&r);
    do
        error = getservbyport_r(port, q->protocol, &answer, r.bytes, r.size,
                                &found);
    while (grow_memory(&r, error));
    return end_service(e, &r, found);
}

static bool protocol_by_name(const struct question *q, struct entry *e)
{
    struct protoent answer, *found;
    struct answer_memory r;
    int error;

    start_memory(&r);
    do
        error = getprotobyname_r(q->name, &answer, r.bytes, r.size, &found);
    while (grow_memory(&r, error));
    return end_protocol(e, &r, found);
}

static bool protocol_by_number(const struct question *q, struct entry *e)
{
    struct protoent answer, *found;
    struct answer_memory r;
    int error;

    start_memory(&r);
    do
        error = getprotobynumber_r(q->number, &answer, r.bytes, r.size, &found);
    while (grow_memory(&r, error));
    return end_protocol(e, &r, found);
}

/* Each call has an answer of its own. */
static void guard_answer(void)
{
}

#else

/* The C library's one answer is copied before another thread asks. */
static pthread_mutex_t one_answer = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t guarded = PTHREAD_ONCE_INIT;

static void lock_answer(void)
{
    pthread_mutex_lock(&one_answer);
}

static void unlock_answer(void)
{
    pthread_mutex_unlock(&one_answer);
}

static void guard(void)
{
    pthread_atfork(lock_answer, unlock_answer, unlock_answer);
}

/* A child that is forked while another thread asks can ask, too. */
static void guard_answer(void)
{
    pthread_once(&guarded, guard);
}

static bool service_by_name(const struct question *q, struct entry *e)
{
    bool copied;

    lock_answer();
    copied = copy_service(e, getservbyname(q->name, q->protocol));
    unlock_answer();
    return copied;
}

static bool service_by_port(const struct question *q, struct entry *e)
{
    int port = htons((in_port_t)q->number);
    bool copied;

    lock_answer();
    copied = copy_service(e, getservbyport(port, q->protocol));
    unlock_answer();
    return copied;
}

static bool protocol_by_name(const struct question *q, struct entry *e)
{
    bool copied;

    lock_answer();
    copied = copy_protocol(e, getprotobyname(q->name));
    unlock_answer();
    return copied;
}

static bool protocol_by_number(const struct question *q, struct entry *e)
{
    bool copied;

    lock_answer();
    copied = copy_protocol(e, getprotobynumber(q->number));
    unlock_answer();
    return copied;
}

#endif

/* After a failed look-up: collect garbage if descriptors have run out, which
 * the C library reports by errno alone. Without memory, too, it is not known
 * whether there is an entry. Returns whether to try again. */
static bool look_again(lua_State *L, const char *call, bool *collected)
{
    int error = errno;

    if (error != EMFILE && error != ENFILE && error != ENOMEM)
        return false;
    if (!descriptor_collect(L, error, collected))
        error_raise(L, call, error, 0);
    return true;
}

/* Push the copy of an entry, in a userdata. NULL: there is none, and nil is
 * pushed. */
static const struct entry *push_entry(lua_State *L, lookup *look,
                                      const struct question *q)
{
    size_t size = 256;
    bool collected = false;

    for (;;) {
        struct entry *e = lua_newuserdatauv(L, sizeof *e + size, 0);
        bool found;

        *e = (struct entry){.size = size};
        errno = 0;
        found = look(q, e);
        if (found && e->used <= e->size)
            return e;
        if (found) {
            size = e->used;
        } else if (!look_again(L, q->call, &collected)) {
            lua_pushnil(L);
            return NULL;
        }
    }
}

/* Push the table of the entry; its port or number has the key
 * `number_field`. */
static int push_fields(lua_State *L, const struct entry *e,
                       const char *number_field, bool has_protocol)
{
    const char *text = e->text;
    size_t first_alias = has_protocol ? 2 : 1;

    lua_createtable(L, 0, 4);
    lua_pushinteger(L, e->number);
    lua_setfield(L, -2, number_field);
    text += strlen(lua_pushstring(L, text)) + 1;
    lua_setfield(L, -2, "name");
    if (has_protocol) {
        text += strlen(lua_pushstring(L, text)) + 1;
        lua_setfield(L, -2, "protocol");
    }
    lua_newtable(L);
    for (size_t i = first_alias; i < e->count; i++) {
        text += strlen(lua_pushstring(L, text)) + 1;
        lua_rawseti(L, -2, (lua_Integer)(i - first_alias + 1));
    }
    lua_setfield(L, -2, "aliases");
    return 1;
}

static int push_service(lua_State *L, lookup *look, const struct question *q)
{
    const struct entry *e = push_entry(L, look, q);

    return e ? push_fields(L, e, "port", true) : 1;
}

static int push_protocol(lua_State *L, lookup *look, const struct question *q)
{
    const struct entry *e = push_entry(L, look, q);

    return e ? push_fields(L, e, "number", false) : 1;
}

/* ---- the functions ---- */

static const char *opt_name(lua_State *L, int arg)
{
    return text_opt(L, arg, "name");
}

static int check_protocol(lua_State *L, int arg)
{
    lua_Integer number = luaL_checkinteger(L, arg);

    luaL_argcheck(L, number >= 0 && number <= INT32_MAX, arg,
                  "number out of range");
    return (int)number;
}

/*** Look up a service by name (getservbyname(3)).
@function getservbyname
@string name its name or an alias
@string[opt] protocol `"tcp"`, `"udp"`, …; nil: any
@treturn ?table `name`, `aliases`, `port` (in host byte order), `protocol`; nil
if there is none
@raise EMFILE or ENOMEM, without which the database cannot be read
@usage local port = sockeye.getservbyname("http", "tcp").port
*/
static int sockeye_getservbyname(lua_State *L)
{
    struct question q = {.call = "getservbyname",
                         .name = text_check(L, 1, "name"),
                         .protocol = opt_name(L, 2)};

    return push_service(L, service_by_name, &q);
}

/*** Look up a service by port (getservbyport(3)).
@function getservbyport
@int port in host byte order, 0 to 65535
@string[opt] protocol `"tcp"`, `"udp"`, …; nil: any
@treturn ?table as `getservbyname`
@usage print(sockeye.getservbyport(22, "tcp").name)
*/
static int sockeye_getservbyport(lua_State *L)
{
    struct question q = {.call = "getservbyport",
                         .number = port_check(L, 1),
                         .protocol = opt_name(L, 2)};

    return push_service(L, service_by_port, &q);
}

/*** Look up a protocol by name (getprotobyname(3)).
@function getprotobyname
@string name its name or an alias
@treturn ?table `name`, `aliases`, `number`; nil if there is none
@raise as `getservbyname`
@usage local tcp = sockeye.getprotobyname("tcp").number
*/
static int sockeye_getprotobyname(lua_State *L)
{
    struct question q = {.call = "getprotobyname",
                         .name = text_check(L, 1, "name")};

    return push_protocol(L, protocol_by_name, &q);
}

/*** Look up a protocol by number (getprotobynumber(3)).
@function getprotobynumber
@int number as in the IP header; 6 is TCP
@treturn ?table as `getprotobyname`
*/
static int sockeye_getprotobynumber(lua_State *L)
{
    struct question q = {.call = "getprotobynumber",
                         .number = check_protocol(L, 1)};

    return push_protocol(L, protocol_by_number, &q);
}

void open_netdb(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"getprotobyname", sockeye_getprotobyname},
        {"getprotobynumber", sockeye_getprotobynumber},
        {"getservbyname", sockeye_getservbyname},
        {"getservbyport", sockeye_getservbyport},
        {NULL, NULL},
    };

    guard_answer();
    luaL_setfuncs(L, functions, 0);
}
