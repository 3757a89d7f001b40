/*
 * error: makes a Lua error of a failed system call; see error.h. Nothing else
 * does.
 *
 * The error object is a table of the type `sockeye.Error` (errno(3),
 * strerror(3), gai_strerror(3)). Functions named sockeye_* are the module's,
 * error_* are metamethods.
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/argument.h"
#include "base/concat.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/field.h"
#include "base/metatable.h"
#include "base/quote.h"
#include "open.h"

#define ERROR_TYPE "sockeye.Error"

struct code_name {
    int code;
    const char *name;
};

/* clang-format off */
#define CODE(name) {name, #name}

static const struct code_name errno_names[] = {
    CODE(E2BIG), CODE(EACCES), CODE(EADDRINUSE), CODE(EADDRNOTAVAIL),
    CODE(EAFNOSUPPORT), CODE(EAGAIN), CODE(EALREADY), CODE(EBADF),
    CODE(EBADMSG), CODE(EBUSY), CODE(ECANCELED), CODE(ECHILD),
    CODE(ECONNABORTED), CODE(ECONNREFUSED), CODE(ECONNRESET), CODE(EDEADLK),
    CODE(EDESTADDRREQ), CODE(EDOM), CODE(EDQUOT), CODE(EEXIST), CODE(EFAULT),
    CODE(EFBIG), CODE(EHOSTUNREACH), CODE(EIDRM), CODE(EILSEQ),
    CODE(EINPROGRESS), CODE(EINTR), CODE(EINVAL), CODE(EIO), CODE(EISCONN),
    CODE(EISDIR), CODE(ELOOP), CODE(EMFILE), CODE(EMLINK), CODE(EMSGSIZE),
    CODE(ENAMETOOLONG), CODE(ENETDOWN), CODE(ENETRESET), CODE(ENETUNREACH),
    CODE(ENFILE), CODE(ENOBUFS), CODE(ENODEV), CODE(ENOENT), CODE(ENOEXEC),
    CODE(ENOLCK), CODE(ENOMEM), CODE(ENOMSG), CODE(ENOPROTOOPT), CODE(ENOSPC),
    CODE(ENOSYS), CODE(ENOTCONN), CODE(ENOTDIR), CODE(ENOTEMPTY),
    CODE(ENOTSOCK), CODE(EOPNOTSUPP), CODE(ENOTSUP), CODE(ENOTTY),
    CODE(ENXIO), CODE(EOVERFLOW), CODE(EPERM), CODE(EPIPE), CODE(EPROTO),
    CODE(EPROTONOSUPPORT), CODE(EPROTOTYPE), CODE(ERANGE), CODE(EROFS),
    CODE(ESPIPE), CODE(ESRCH), CODE(ESTALE), CODE(ETIMEDOUT), CODE(ETXTBSY),
    CODE(EXDEV),
#ifdef EHOSTDOWN
    CODE(EHOSTDOWN),
#endif
#ifdef EPFNOSUPPORT
    CODE(EPFNOSUPPORT),
#endif
#ifdef ESHUTDOWN
    CODE(ESHUTDOWN),
#endif
#ifdef ESOCKTNOSUPPORT
    CODE(ESOCKTNOSUPPORT),
#endif
#ifdef ETOOMANYREFS
    CODE(ETOOMANYREFS),
#endif
#ifdef EUSERS
    CODE(EUSERS),
#endif
#ifdef __linux__
    CODE(EADV), CODE(EBADE), CODE(EBFONT), CODE(EDOTDOT), CODE(ENOCSI),
    CODE(EBADFD), CODE(EBADR), CODE(EBADRQC),
    CODE(EBADSLT), CODE(ECHRNG), CODE(ECOMM), CODE(EHWPOISON), CODE(EISNAM),
    CODE(EKEYEXPIRED), CODE(EKEYREJECTED), CODE(EKEYREVOKED), CODE(EL2HLT),
    CODE(EL2NSYNC), CODE(EL3HLT), CODE(EL3RST), CODE(ELIBACC), CODE(ELIBBAD),
    CODE(ELIBEXEC), CODE(ELIBMAX), CODE(ELIBSCN), CODE(ELNRNG),
    CODE(EMEDIUMTYPE), CODE(EMULTIHOP), CODE(ENAVAIL), CODE(ENOANO),
    CODE(ENODATA), CODE(ENOKEY), CODE(ENOLINK), CODE(ENOMEDIUM), CODE(ENONET),
    CODE(ENOPKG), CODE(ENOSR), CODE(ENOSTR), CODE(ENOTBLK), CODE(ENOTNAM),
    CODE(ENOTRECOVERABLE), CODE(ENOTUNIQ), CODE(EOWNERDEAD), CODE(EREMCHG),
    CODE(EREMOTE), CODE(EREMOTEIO), CODE(ERESTART), CODE(ERFKILL),
    CODE(ESRMNT), CODE(ESTRPIPE), CODE(ETIME), CODE(EUCLEAN), CODE(EUNATCH),
    CODE(EXFULL),
#endif
    {0, NULL},
};

static const struct code_name eai_names[] = {
    CODE(EAI_AGAIN), CODE(EAI_BADFLAGS), CODE(EAI_FAIL), CODE(EAI_FAMILY),
    CODE(EAI_MEMORY), CODE(EAI_NONAME), CODE(EAI_OVERFLOW),
    CODE(EAI_SERVICE), CODE(EAI_SOCKTYPE), CODE(EAI_SYSTEM),
#ifdef EAI_ADDRFAMILY
    CODE(EAI_ADDRFAMILY),
#endif
#ifdef EAI_IDN_ENCODE
    CODE(EAI_IDN_ENCODE),
#endif
#ifdef EAI_NODATA
    CODE(EAI_NODATA),
#endif
    {0, NULL},
};
/* clang-format on */

static const char *find_code(const struct code_name *rows, int code)
{
    for (; rows->name; rows++) {
        if (rows->code == code)
            return rows->name;
    }
    return NULL;
}

const char *error_errno_name(int code)
{
    return find_code(errno_names, code);
}

int error_errno_number(const char *name)
{
    const struct code_name *row = errno_names;

    while (row->name != NULL && strcmp(row->name, name) != 0)
        row++;
    return row->code;
}

/* Calls of the C library that functions of the module make under another name. */
static const struct {
    const char *call;
    const char *caller;
} callers[] = {
    {"getaddrinfo", "resolve"},
    {"getnameinfo", "nameinfo"},
};

static void set_caller(lua_State *L, const char *call)
{
    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
        if (strcmp(callers[i].call, call) == 0)
            field_set_string(L, "caller", callers[i].caller);
    }
}

/* Push an error object with the fields that every error has. The message is on
 * top, and popped. */
static void push_error(lua_State *L, const char *call, const char *code)
{
    lua_createtable(L, 0, 7);
    lua_insert(L, -2);
    lua_setfield(L, -2, "message");
    if (code != NULL)
        field_set_string(L, "code", code);
    field_set_string(L, "call", call);
    set_caller(L, call);
    error_push_where(L);
    lua_setfield(L, -2, "where");
    luaL_setmetatable(L, ERROR_TYPE);
}

static void set_subject(lua_State *L, int subject)
{
    bool is_address = lua_type(L, subject) == LUA_TUSERDATA;

    lua_pushvalue(L, subject);
    lua_setfield(L, -2, is_address ? "address" : "subject");
}

/* strerror(3) may use its memory again when a finalizer calls it: its text
 * becomes a string before anything else. */
void error_push(lua_State *L, const char *call, int code, int subject)
{
    if (subject != 0)
        subject = lua_absindex(L, subject);
    luaL_checkstack(L, 7, NULL);
    lua_pushstring(L, strerror(code));
    push_error(L, call, error_errno_name(code));
    field_set_integer(L, "errno", code);
    if (subject != 0)
        set_subject(L, subject);
}

static void push_with(lua_State *L, const char *call, int code, int subject,
                      const char *field)
{
    error_push(L, call, code, subject);
    field_set_boolean(L, field, true);
}

/* Push how long it took for a time to run out. */
static void push_duration(lua_State *L, int64_t after)
{
    char seconds[32];

    snprintf(seconds, sizeof seconds, "%.14g",
             (double)after / (double)NANOSECONDS);
    lua_pushfstring(L, "timed out after %s s", seconds);
}

void error_name_limit(lua_State *L, int64_t after, const char *whose)
{
    push_duration(L, after);
    lua_pushfstring(L, "%s, the limit of '%s'", lua_tostring(L, -1), whose);
    lua_setfield(L, -3, "message");
    lua_pop(L, 1);
}

void error_push_timeout(lua_State *L, const char *call, int subject,
                        int64_t after)
{
    push_with(L, call, ETIMEDOUT, subject, "timeout");
    if (after == NO_DEADLINE)
        return;
    push_duration(L, after);
    lua_setfield(L, -2, "message");
}

void error_push_canceled(lua_State *L, const char *call, int subject)
{
    push_with(L, call, ECANCELED, subject, "canceled");
}

void error_push_closed(lua_State *L, const char *call, int subject)
{
    push_with(L, call, EBADF, subject, "closed");
    field_set_string(L, "message", "closed while the call waited");
}

int error_raise(lua_State *L, const char *call, int code, int subject)
{
    error_push(L, call, code, subject);
    return lua_error(L);
}

int error_raise_for(lua_State *L, const char *caller, const char *call,
                    int code, int subject)
{
    error_push(L, call, code, subject);
    field_set_string(L, "caller", caller);
    return lua_error(L);
}

int error_raise_because(lua_State *L, const char *call, int code,
                        const char *message)
{
    error_push(L, call, code, 0);
    field_set_string(L, "message", message);
    return lua_error(L);
}

int error_raise_timeout(lua_State *L, const char *call, int64_t after)
{
    error_push_timeout(L, call, 0, after);
    return lua_error(L);
}

int error_raise_canceled(lua_State *L, const char *call, int subject)
{
    error_push_canceled(L, call, subject);
    return lua_error(L);
}

int error_raise_closed(lua_State *L, const char *call, int subject)
{
    error_push_closed(L, call, subject);
    return lua_error(L);
}

void error_push_eai(lua_State *L, const char *call, int code, int subject)
{
    subject = lua_absindex(L, subject);
    luaL_checkstack(L, 7, NULL);
    lua_pushstring(L, gai_strerror(code));
    push_error(L, call, find_code(eai_names, code));
    lua_pushvalue(L, subject);
    lua_setfield(L, -2, "address");
}

/* Push the text of field `name` of the error at index 1. Returns false, having
 * pushed nothing, if it is absent. */
static bool push_field(lua_State *L, const char *name)
{
    if (lua_getfield(L, 1, name) == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    return true;
}

/* Append field `name`, between `before` and `after`, if it is present. */
static void add_field(lua_State *L, luaL_Buffer *b, const char *before,
                      const char *name, const char *after)
{
    if (!push_field(L, name))
        return;
    lua_pushfstring(L, "%s%s%s", before, lua_tostring(L, -1), after);
    lua_remove(L, -2);
    luaL_addvalue(b);
}

/* Append the call that the script made. */
static void add_call(lua_State *L, luaL_Buffer *b)
{
    if (push_field(L, "caller") || push_field(L, "call"))
        luaL_addvalue(b);
}

/* Append what the call used. It may be the script's own text. */
static void add_subject(lua_State *L, luaL_Buffer *b)
{
    struct quote quote;

    if (!push_field(L, "endpoint") && !push_field(L, "address") &&
        !push_field(L, "subject"))
        return;
    quote_value(L, -1, &quote);
    lua_pushfstring(L, strcmp(quote.text, "unix:") == 0 ? "" : " %s",
                    quote.text); /* a socket without a name has no address */
    lua_remove(L, -2);
    luaL_addvalue(b);
}

/* "script.lua:12: connect 127.0.0.1:9: Connection refused (ECONNREFUSED)" */
static int error_tostring(lua_State *L)
{
    luaL_Buffer b;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_buffinit(L, &b);
    add_field(L, &b, "", "where", " ");
    add_call(L, &b);
    add_subject(L, &b);
    add_field(L, &b, ": ", "message", "");
    add_field(L, &b, " (", "code", ")");
    luaL_pushresult(&b);
    return 1;
}

/* ---- habits with errors that are strings ---- */

/* Raise that an error is no string. The upvalue is the name of the method. */
static int refuse_method(lua_State *L)
{
    lua_pushfstring(L,
                    "an error is no string: compare err.code, or call "
                    "tostring(err):%s(...)",
                    lua_tostring(L, lua_upvalueindex(1)));
    return error_raise_misuse(L, lua_tostring(L, -1));
}

/* A field that an error does not have is nil. A method of strings raises, when
 * it is called, what to do instead. */
static int error_index(lua_State *L)
{
    static const char *const methods[] = {
        "byte",  "find",  "format", "gmatch",  "gsub", "len",
        "lower", "match", "rep",    "reverse", "sub",  "upper",
    };

    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(lua_tostring(L, 2), methods[i]) == 0) {
            lua_settop(L, 2);
            lua_pushcclosure(L, refuse_method, 1);
            return 1;
        }
    }
    return 0;
}

bool error_is(lua_State *L, int index)
{
    bool is;

    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, ERROR_TYPE);
    is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is;
}

/* Push field `name` of the table at `index`, as it is. */
static void push_raw(lua_State *L, int index, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
}

bool error_is_canceled(lua_State *L, int index)
{
    bool is;

    if (!error_is(L, index))
        return false;
    index = lua_absindex(L, index);
    push_raw(L, index, "errno");
    push_raw(L, index, "canceled");
    is = lua_tointeger(L, -2) == ECANCELED && lua_toboolean(L, -1);
    lua_pop(L, 2);
    return is;
}

void error_push_as_timeout(lua_State *L, int index, int64_t after,
                           const char *whose)
{
    static const char *const kept[] = {
        "call",     "caller",  "where", "address",
        "endpoint", "subject", "sent",  "traceback",
    };

    index = lua_absindex(L, index);
    error_push_timeout(L, "timeout", 0, after);
    error_name_limit(L, after, whose);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        push_raw(L, index, kept[i]);
        lua_setfield(L, -2, kept[i]);
    }
}

/*** Return whether a value is a sockeye error.
@function is_error
@param value anything
@string[opt] code if given, only an error with this `code` counts:
`"ECONNREFUSED"`
@treturn boolean
@usage
local ok, err = pcall(s.connect, s, "127.0.0.1:9")
if not ok and sockeye.is_error(err, "ECONNREFUSED") then … end
*/
static int sockeye_is_error(lua_State *L)
{
    bool is;

    luaL_checkany(L, 1);
    luaL_optstring(L, 2, NULL);
    lua_settop(L, 2);
    is = error_is(L, 1);
    if (is && !lua_isnil(L, 2)) {
        lua_getfield(L, 1, "code");
        is = lua_rawequal(L, -1, 2);
    }
    lua_pushboolean(L, is);
    return 1;
}

/*** The error object that a failed call raises.
`tostring` makes one line of it, and so does `..`:
`script.lua:12: connect 127.0.0.1:9: Connection refused (ECONNREFUSED)`.
`getmetatable` returns `"sockeye.Error"`.
@table Error
@field code `"ECONNREFUSED"`, `"EAI_NONAME"`, …; absent if the errno has no
known name
@field errno the number of the errno; absent for an error of name resolution
@field call the call that failed: `"connect"`
@field caller the function of this module that made the call, where it has
another name: `"connect"` for the `call` `"getaddrinfo"`
@field message the system's text: `"Connection refused"`
@field where the Lua line that made the call: `"script.lua:12:"`
@field address the `Address` or the host name that the call used
@field endpoint the host and port of `connect` or `listen`, or the option `bind`
that failed, as the script wrote them: `"localhost:80"`
@field service the name of an unknown service (EAI_SERVICE)
@field subject another object of the call: an option, a file, an interface
@field canceled true for the ECANCELED of a call around which a scope is over:
see `is_canceled`
@field closed true for the EBADF of a call whose socket somebody else has closed
while it waited
@field timeout true if the time-out of the socket or the call has expired, with
the `code` `"ETIMEDOUT"`; absent if the kernel gave up. The `message` says after
how many seconds, and which function around the call set the limit: `"timed out
after 5 s, the limit of 'timeout'"`
@field sent how many bytes, or messages, had been sent before the error, by a
call that sends several
@field partial the data received before the error, by `recv` and `recvmsg` with
`waitall`, and by `splice`
@field traceback the traceback of the task that the error ended
*/

void open_error(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__index", error_index},
        {"__tostring", error_tostring},
        {"__concat", concat_values},
        {NULL, NULL},
    };

    metatable_push(L, ERROR_TYPE, metamethods);
    lua_pop(L, 1);
    lua_pushcfunction(L, sockeye_is_error);
    lua_setfield(L, -2, "is_error");
}
