/*
 * message: converts messages with their control data from and to Lua tables;
 * see message.h.
 *
 * Follows send(2), recvmsg(2). A message is received into one buffer and then
 * split, instead of letting the kernel scatter it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "address/address.h"
#include "address/families.h"
#include "address/text.h"
#include "base/argument.h"
#include "base/descriptor.h"
#include "base/field.h"
#include "base/size.h"
#include "base/text.h"
#include "message/control.h"
#include "message/message.h"
#include "socket/transfer.h"

#define DESCRIPTOR_KB 4

/* ---- sending ---- */

/* Push the field `iov`, a string or a list; return how many strings it has. */
static size_t check_iov(lua_State *L, int arg, int index)
{
    int type = lua_getfield(L, index, "iov");

    if (type != LUA_TTABLE && type != LUA_TSTRING && type != LUA_TNIL)
        field_argerror(L, arg, "iov", "string or list of strings expected");
    if (type == LUA_TTABLE)
        return field_count(L, arg, -1, "iov", MESSAGE_IOV);
    return type == LUA_TNIL ? 0 : 1;
}

void message_fill(lua_State *L, int arg, int index, struct outgoing *p)
{
    bool is_list = lua_istable(L, index);
    struct iovec *iov = p->iov;

    for (size_t i = 0; i < (size_t)p->header.msg_iovlen; i++) {
        lua_pushvalue(L, index);
        if (is_list && lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
            field_argerror(L, arg, "iov", "strings expected");
        iov[i].iov_base = (char *)lua_tolstring(L, -1, &iov[i].iov_len);
        lua_settop(L, -2 - is_list);
    }
}

/* Set the destination. Its address becomes a user value of the outgoing message
 * on top, which keeps it alive. */
static void fill_name(lua_State *L, struct msghdr *header, int arg, int index)
{
    const struct address *a;

    if (lua_getfield(L, index, "name") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    a = address_read(L, lua_gettop(L));
    if (a == NULL) {
        field_argerror(L, arg, "name", lua_tostring(L, -1));
        return;
    }
    header->msg_name = (void *)&a->any;
    header->msg_namelen = a->length;
    lua_setiuservalue(L, -2, OUTGOING_NAME);
}

/* Copy `control` to the memory behind the strings of the outgoing message. */
static void fill_control(lua_State *L, struct outgoing *p, struct iovec *end,
                         const struct control_writer *control)
{
    struct msghdr *header = &p->header;

    if (control->used == 0)
        return;
    header->msg_control = end;
    header->msg_controllen = (socklen_t)control->used;
    memcpy(end, control->bytes, control->used);
    if (control->rights_count == 0)
        return;
    p->rights = (unsigned char *)end + control->rights;
    p->rights_count = control->rights_count;
    lua_pushvalue(L, control->slot + 1);
    lua_setiuservalue(L, -2, OUTGOING_RIGHTS);
}

void message_fill_rights(lua_State *L, int index, const char *call)
{
    const struct outgoing *p = lua_touserdata(L, index);

    if (p->rights_count == 0)
        return;
    lua_getiuservalue(L, index, OUTGOING_RIGHTS);
    control_fill_rights(L, lua_gettop(L), call, p->rights, p->rights_count);
    lua_pop(L, 1);
}

struct outgoing *message_pack(lua_State *L, const struct socket *s,
                              const char *call, int arg, int index)
{
    static const char *const fields[] = {"iov", "name", "control", "flags",
                                         NULL};
    int base = lua_gettop(L);
    struct control_writer control;
    struct outgoing *p;
    size_t count;

    field_check_names(L, arg, index, fields);
    count = check_iov(L, arg, index);
    control.used = 0;
    if (lua_getfield(L, index, "control") != LUA_TNIL)
        control_write(L, &control, s, call, arg, lua_gettop(L));
    p = lua_newuserdatauv(L, sizeof *p + count * sizeof *p->iov + control.used,
                          OUTGOING_VALUES);
    p->header = (struct msghdr){.msg_iov = p->iov, .msg_iovlen = (int)count};
    p->rights_count = 0;
    lua_pushvalue(L, base + 1);
    lua_setiuservalue(L, -2, OUTGOING_IOV);
    fill_control(L, p, p->iov + count, &control);
    fill_name(L, &p->header, arg, index);
    message_fill(L, arg, base + 1, p);
    message_fill_rights(L, lua_gettop(L), call);
    lua_replace(L, base + 1);
    lua_settop(L, base + 1);
    return p;
}

/* ---- the options of a receiving call ---- */

/* Read the value on top of the stack, a field of the table at `index`. */
typedef void read_field(lua_State *L, int index,
                        struct receive_options *wanted);

static size_t sum_sizes(lua_State *L, int index)
{
    lua_Integer count =
        (lua_Integer)field_count(L, index, -1, "iov", MESSAGE_IOV);
    size_t sum = 0;

    for (lua_Integer i = 1; i <= count; i++) {
        int is_integer;
        lua_Integer size;

        lua_rawgeti(L, -1, i);
        size = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || size < 0 || size > INT32_MAX)
            field_argerror(L, index, "iov", "sizes of 0 or more expected");
        sum = size_of_integer((lua_Integer)sum + size);
        lua_pop(L, 1);
    }
    return sum;
}

static void read_iov(lua_State *L, int index, struct receive_options *wanted)
{
    wanted->several = lua_istable(L, -1);
    wanted->size =
        wanted->several
            ? sum_sizes(L, index)
            : size_of_integer(field_value(L, index, "iov", 0, LUA_MAXINTEGER));
}

static void read_control(lua_State *L, int index,
                         struct receive_options *wanted)
{
    if (lua_isboolean(L, -1))
        wanted->control = lua_toboolean(L, -1) ? MESSAGE_CONTROL : 0;
    else
        wanted->control =
            (size_t)field_value(L, index, "control", 0, INT32_MAX);
}

static void read_rights(lua_State *L, int index, struct receive_options *wanted)
{
    size_t length;
    const char *form = lua_tolstring(L, -1, &length);

    wanted->numbers = form != NULL && text_is_name(form, length, "numbers");
    if (form == NULL ||
        (!wanted->numbers && !text_is_name(form, length, "sockets")))
        field_argerror(L, index, "rights", "'sockets' or 'numbers' expected");
}

static void read_flags(lua_State *L, int index, struct receive_options *wanted)
{
    if (!transfer_read_receiving_flags(L, -1, &wanted->flags))
        field_argerror(L, index, "flags", lua_tostring(L, -1));
}

/* One walk over the table is faster than looking up each field, and this runs
 * for every message. */
static void read_options(lua_State *L, int index,
                         struct receive_options *wanted)
{
    static const char *const names[] = {"iov", "control", "flags", "rights",
                                        NULL};
    static read_field *const readers[] = {read_iov, read_control, read_flags,
                                          read_rights};

    luaL_checktype(L, index, LUA_TTABLE);
    *wanted = (struct receive_options){.size = SIZE_MAX};
    lua_pushnil(L);
    while (lua_next(L, index)) {
        readers[field_find(L, index, names)](L, index, wanted);
        lua_pop(L, 1);
    }
    if (wanted->size == SIZE_MAX)
        field_argerror(L, index, "iov", "size or list of sizes expected");
}

/* Push a copy of the table at `index`, whose list `iov` is a copy too. */
static void push_copy(lua_State *L, int index)
{
    lua_createtable(L, 0, 4);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_getfield(L, -1, "iov");
    if (lua_istable(L, -1)) {
        lua_Integer count =
            (lua_Integer)field_count(L, index, -1, "iov", MESSAGE_IOV);

        lua_createtable(L, (int)count, 0);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(L, -2, i);
            lua_rawseti(L, -2, i);
        }
        lua_setfield(L, -3, "iov");
    }
    lua_pop(L, 1);
}

/* Sizes that split the data, and the options of a call that goes on after a
 * wait, are read again later: from a copy, which no script can change. */
void message_receive_options(lua_State *L, int index,
                             struct receive_options *wanted)
{
    read_options(L, index, wanted);
    if (!wanted->several && !(wanted->flags & MSG_WAITALL))
        return;
    push_copy(L, index);
    lua_replace(L, index);
    read_options(L, index, wanted);
}

/* Only Unix sockets get MSG_CMSG_CLOEXEC: packet sockets refuse it. */
int message_start(lua_State *L, struct wait *w, const struct call *call,
                  struct socket *s, int flags, lua_KContext context)
{
    flags = transfer_start_receiving(L, w, call, s, flags, context);
    return s->family == AF_UNIX ? flags | MSG_CMSG_CLOEXEC : flags;
}

/* ---- received messages ---- */

/* clang-format off */
static const struct name returned_flags[] = {
    {"trunc", MSG_TRUNC}, {"ctrunc", MSG_CTRUNC}, {"eor", MSG_EOR},
    {"oob", MSG_OOB},
#ifdef MSG_ERRQUEUE
    {"errqueue", MSG_ERRQUEUE},
#endif
    {NULL, 0},
};
/* clang-format on */

static void set_control(lua_State *L, int table, const struct received *a,
                        const struct receive_options *wanted)
{
    struct control_reader reader = {
        .socket = a->socket,
        .message = a->header,
        .numbers = wanted->numbers,
    };

    lua_newtable(L);
    reader.table = lua_gettop(L);
    control_read(L, &reader);
    lua_setfield(L, table, "control");
}

void message_set_data(lua_State *L, int table, int options, bool several)
{
    size_t left;
    const char *data = lua_tolstring(L, -1, &left);

    if (several) {
        lua_getfield(L, options, "iov");
        lua_newtable(L);
        for (lua_Integer i = 1; left > 0; i++) {
            size_t size;

            lua_rawgeti(L, -2, i);
            size = size_of_integer(lua_tointeger(L, -1));
            lua_pop(L, 1);
            if (size > left)
                size = left;
            lua_pushlstring(L, data, size);
            lua_rawseti(L, -2, i);
            data += size;
            left -= size;
        }
        lua_setfield(L, table, "iov");
        lua_pop(L, 1);
    }
    lua_setfield(L, table, "data");
}

static void push_message(lua_State *L, const struct received *a,
                         const struct receive_options *wanted, int options)
{
    const struct msghdr *header = a->header;
    bool is_cut = a->length > wanted->size;
    size_t size = is_cut ? wanted->size : a->length;
    int table;

    if (transfer_discards(a->socket, a->flags))
        size = 0;
    lua_pushlstring(L, a->data, size);
    lua_createtable(L, 0, 4);
    lua_insert(L, -2);
    table = lua_gettop(L) - 1;
    message_set_data(L, table, options, wanted->several);
    if (header->msg_namelen > 0) {
        address_push(L, header->msg_name, header->msg_namelen);
        lua_setfield(L, table, "from");
    }
    if (is_cut || wanted->flags & MSG_TRUNC) {
        lua_pushinteger(L, (lua_Integer)a->length);
        lua_setfield(L, table, "length");
    }
    if (wanted->control > 0)
        set_control(L, table, a, wanted);
    lua_newtable(L);
    field_set_flags(L, returned_flags, header->msg_flags);
    lua_setfield(L, table, "flags");
}

/* Nothing from a stream is its end, with or without control data; a message of
 * a seqpacket socket may have control data alone. */
bool message_is_end(const struct socket *s,
                    const struct receive_options *wanted,
                    const struct msghdr *header, size_t length)
{
    if (length > 0 || wanted->size == 0 || !transfer_ends(s) ||
        wanted->flags & MSG_ERRQUEUE)
        return false;
    return s->type == SOCK_STREAM ||
           (header->msg_controllen == 0 && !(header->msg_flags & MSG_CTRUNC));
}

/* The arguments of a function that push_guarded calls. */
struct pushing {
    const struct received *received;
    const struct receive_options *wanted;
};

static int make_message(lua_State *L)
{
    const struct pushing *p = lua_touserdata(L, 2);

    push_message(L, p->received, p->wanted, 1);
    return 1;
}

static int make_control(lua_State *L)
{
    const struct pushing *p = lua_touserdata(L, 2);

    set_control(L, 1, p->received, p->wanted);
    return 0;
}

/* Call `make` with the value at `index`; if it raises, close the descriptors of
 * the message. */
static void push_guarded(lua_State *L, lua_CFunction make, int index,
                         int results, const struct pushing *p)
{
    lua_pushcfunction(L, make);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, (void *)p);
    if (lua_pcall(L, 2, results, 0) != LUA_OK) {
        control_close_descriptors(p->received->header);
        lua_error(L);
    }
}

/* The collector does not know that unused sockets hold descriptors: count each
 * as DESCRIPTOR_KB of memory. */
static void press_collector(lua_State *L, size_t descriptors)
{
    if (lua_gc(L, LUA_GCISRUNNING))
        lua_gc(L, LUA_GCSTEP, DESCRIPTOR_KB * (int)descriptors);
}

/* The system drops descriptors beyond the limit and reports only MSG_CTRUNC. A
 * probe finds out whether that was the reason. */
static void collect_if_none_left(lua_State *L, const struct received *a)
{
    int probe = fcntl(a->socket->handle.fd, F_DUPFD_CLOEXEC, 0);
    bool collected = false;

    if (probe == -1)
        descriptor_collect(L, errno, &collected);
    else
        close(probe);
}

void message_push(lua_State *L, const struct received *a,
                  const struct receive_options *wanted, int options)
{
    struct pushing p = {a, wanted};
    size_t descriptors = control_count_descriptors(a->header);

    if (descriptors == 0) {
        push_message(L, a, wanted, options);
    } else {
        push_guarded(L, make_message, options, 1, &p);
        press_collector(L, descriptors);
    }
    if (a->header->msg_flags & MSG_CTRUNC && wanted->control > 0)
        collect_if_none_left(L, a);
}

void message_add(lua_State *L, int index, const struct received *a,
                 const struct receive_options *wanted)
{
    struct pushing p = {a, wanted};

    if (a->header->msg_controllen > 0)
        push_guarded(L, make_control, index, 0, &p);
    lua_getfield(L, index, "flags");
    field_set_flags(L, returned_flags, a->header->msg_flags);
    lua_pop(L, 1);
}
