/*
 * bpf: filters in the instructions of classic BPF; see type.h.
 *
 * socket(7), and Documentation/networking/filter.rst of the kernel. A filter is
 * a list of instructions, the text that `tcpdump -ddd` or `tcpdump -dd` prints,
 * or the bytes of the structures. Bytes are recognised by a zero byte: every
 * instruction contains one, and text never does.
 */
#include "base/argument.h"
#include "base/field.h"
#include "base/quote.h"
#include "base/size.h"
#include "base/text.h"
#include "option/type.h"
#include "socket/socket.h"

#ifdef __linux__

#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"

enum { CODE, JT, JF, K, NUMBERS };

static const struct column {
    const char *name;
    lua_Integer most;
} columns[NUMBERS] = {
    {"code", UINT16_MAX},
    {"jt", UINT8_MAX},
    {"jf", UINT8_MAX},
    {"k", UINT32_MAX},
};

static struct sock_filter instruction(const lua_Integer numbers[NUMBERS])
{
    return (struct sock_filter){
        .code = (uint16_t)numbers[CODE],
        .jt = (uint8_t)numbers[JT],
        .jf = (uint8_t)numbers[JF],
        .k = (uint32_t)numbers[K],
    };
}

/* Push a userdata for the program: it lives until the call returns. */
static struct sock_filter *new_program(lua_State *L, int arg, size_t count)
{
    luaL_argcheck(L, count > 0, arg, "not a filter: no instruction");
    luaL_argcheck(L, count <= BPF_MAXINSNS, arg,
                  "filter too long (at most 4096 instructions)");
    return lua_newuserdatauv(L, count * sizeof(struct sock_filter), 0);
}

static struct option_data program_data(union option_value *value,
                                       const struct sock_filter *program,
                                       size_t count)
{
    struct sock_fprog whole = {
        .len = (unsigned short)count,
        .filter = (struct sock_filter *)program,
    };

    memcpy(value->bytes, &whole, sizeof whole);
    return (struct option_data){value->bytes, sizeof whole};
}

/* ---- a list ---- */

/* Raise "instruction 3: jt out of range (0 to 255)", or "line 3: …". */
static void reject(lua_State *L, int arg, const char *what, size_t number,
                   const char *problem)
{
    lua_pushfstring(L, "not a filter: %s %I: %s", what, (LUAI_UACINT)number,
                    problem);
    luaL_argerror(L, arg, lua_tostring(L, -1));
}

static void reject_range(lua_State *L, int arg, const char *what, size_t number,
                         const struct column *column)
{
    lua_pushfstring(L, "%s out of range (0 to %I)", column->name,
                    (LUAI_UACINT)column->most);
    reject(L, arg, what, number, lua_tostring(L, -1));
}

/* Return the instruction on top of the stack; `number` is its place in the
 * list. */
static struct sock_filter check_instruction(lua_State *L, int arg,
                                            size_t number)
{
    lua_Integer numbers[NUMBERS] = {0};
    int is_integer = lua_istable(L, -1) && lua_rawlen(L, -1) == NUMBERS;

    for (int i = 0; i < NUMBERS && is_integer; i++) {
        lua_rawgeti(L, -1, i + 1);
        numbers[i] = lua_tointegerx(L, -1, &is_integer);
        if (is_integer && (numbers[i] < 0 || numbers[i] > columns[i].most))
            reject_range(L, arg, "instruction", number, &columns[i]);
        lua_pop(L, 1);
    }
    if (!is_integer)
        reject(L, arg, "instruction", number,
               "list of four integers expected: code, jt, jf, k");
    return instruction(numbers);
}

static struct option_data check_list(lua_State *L, int arg,
                                     union option_value *value)
{
    size_t count = field_count(L, arg, arg, NULL, BPF_MAXINSNS);
    struct sock_filter *program = new_program(L, arg, count);

    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, arg, (lua_Integer)i + 1);
        program[i] = check_instruction(L, arg, i + 1);
        lua_pop(L, 1);
    }
    return program_data(value, program, count);
}

/* ---- a text ---- */

/* A position in the text that is being read. */
struct reading {
    const char *at;
    size_t line;
};

/* Skip blanks, and then `c`. Returns whether `c` was there. */
static bool skip(struct reading *r, char c)
{
    r->at += strspn(r->at, BLANKS);
    if (*r->at != c || c == '\0')
        return false;
    r->at++;
    return true;
}

static void reject_word(lua_State *L, int arg, const struct reading *r)
{
    size_t length = strcspn(r->at, BLANKS ",}\n");
    struct quote quote;

    if (length == 0) {
        reject(L, arg, "line", r->line, "four numbers expected");
    } else {
        lua_pushfstring(L, "number expected, got '%s'",
                        quote_text(&quote, r->at, length));
        reject(L, arg, "line", r->line, lua_tostring(L, -1));
    }
}

/* Read a decimal or hexadecimal (0x…) number that must fit the column. */
static lua_Integer read_number(lua_State *L, int arg, struct reading *r,
                               const struct column *column)
{
    uint64_t number = 0;
    size_t length = text_scan_number(r->at, &number);

    if (length == 0 || strchr(BLANKS ",}\n", r->at[length]) == NULL)
        reject_word(L, arg, r);
    if (number > (uint64_t)column->most)
        reject_range(L, arg, "line", r->line, column);
    r->at += length;
    return (lua_Integer)number;
}

/* Read "40 0 0 12", or "{ 0x28, 0, 0, 0x0000000c },". */
static struct sock_filter read_instruction(lua_State *L, int arg,
                                           struct reading *r)
{
    lua_Integer numbers[NUMBERS];
    bool is_braced = skip(r, '{');

    for (int i = 0; i < NUMBERS; i++) {
        skip(r, ' ');
        numbers[i] = read_number(L, arg, r, &columns[i]);
        if (is_braced && i < K && !skip(r, ','))
            reject(L, arg, "line", r->line, "',' expected");
    }
    if (is_braced && !skip(r, '}'))
        reject(L, arg, "line", r->line, "'}' expected");
    if (is_braced)
        skip(r, ',');
    if (!skip(r, '\n') && *r->at != '\0')
        reject(L, arg, "line", r->line, "more than four numbers");
    r->line++;
    return instruction(numbers);
}

static void skip_blank_lines(struct reading *r)
{
    while (skip(r, '\n'))
        r->line++;
}

/* Read the number of instructions, which stands alone on the first line.
 * Returns whether there is one. */
static bool read_count(lua_State *L, int arg, struct reading *r, size_t *count)
{
    static const struct column column = {"count", BPF_MAXINSNS};
    struct reading ahead = *r;
    size_t length = text_decimal_span(r->at);

    ahead.at += length;
    if (length == 0 || (!skip(&ahead, '\n') && *ahead.at != '\0'))
        return false;
    *count = (size_t)read_number(L, arg, r, &column);
    skip_blank_lines(r);
    return true;
}

/* Return how many instructions the text has at most. */
static size_t count_lines(const char *text)
{
    size_t count = 1;

    while ((text = strchr(text, '\n')) != NULL) {
        text++;
        count++;
    }
    return count < BPF_MAXINSNS ? count : BPF_MAXINSNS;
}

static struct option_data check_text(lua_State *L, int arg, const char *text,
                                     union option_value *value)
{
    struct reading r = {text, 1};
    size_t announced = 0;
    size_t count = 0;
    bool is_counted;
    struct sock_filter *program;

    skip_blank_lines(&r);
    is_counted = read_count(L, arg, &r, &announced);
    program = new_program(L, arg, count_lines(r.at));
    for (skip_blank_lines(&r); *r.at != '\0'; skip_blank_lines(&r)) {
        luaL_argcheck(L, count < BPF_MAXINSNS, arg,
                      "filter too long (at most 4096 instructions)");
        program[count++] = read_instruction(L, arg, &r);
    }
    if (is_counted && count != announced) {
        lua_pushfstring(L, "not a filter: %I instructions announced, %I found",
                        (LUAI_UACINT)announced, (LUAI_UACINT)count);
        luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    luaL_argcheck(L, count > 0, arg, "not a filter: no instruction");
    return program_data(value, program, count);
}

/* ---- bytes, and the choice among the three ---- */

static struct option_data check_bytes(lua_State *L, int arg, const char *bytes,
                                      size_t length, union option_value *value)
{
    size_t count = length / sizeof(struct sock_filter);
    struct sock_filter *program;

    luaL_argcheck(L, length % sizeof *program == 0, arg,
                  "not a filter: instructions of 8 bytes expected");
    program = new_program(L, arg, count);
    memcpy(program, bytes, length);
    return program_data(value, program, count);
}

static struct option_data check_filter(lua_State *L, int arg,
                                       const struct option_type *type,
                                       union option_value *value)
{
    size_t length;
    const char *text;

    (void)type;
    if (lua_istable(L, arg))
        return check_list(L, arg, value);
    if (lua_type(L, arg) != LUA_TSTRING)
        luaL_typeerror(L, arg, "table or string");
    text = lua_tolstring(L, arg, &length);
    if (strlen(text) < length)
        return check_bytes(L, arg, text, length, value);
    return check_text(L, arg, text, value);
}

static void push_instruction(lua_State *L, const struct sock_filter *i)
{
    lua_createtable(L, NUMBERS, 0);
    lua_pushinteger(L, i->code);
    lua_rawseti(L, -2, 1 + CODE);
    lua_pushinteger(L, i->jt);
    lua_rawseti(L, -2, 1 + JT);
    lua_pushinteger(L, i->jf);
    lua_rawseti(L, -2, 1 + JF);
    lua_pushinteger(L, i->k);
    lua_rawseti(L, -2, 1 + K);
}

/* The kernel takes and returns the length in instructions. Memory checkers read
 * it as bytes and think that the rest is unset: it is cleared for them. */
static int get_filter(lua_State *L, int arg, const struct option *row,
                      int level, const struct socket *s)
{
    struct sock_filter *program =
        lua_newuserdatauv(L, BPF_MAXINSNS * sizeof *program, 0);
    socklen_t count = BPF_MAXINSNS;

    (void)arg;
    memset(program, 0, BPF_MAXINSNS * sizeof *program);
    if (getsockopt(s->handle.fd, level, row->number, program, &count) == -1)
        return errno;
    count = (socklen_t)size_within(count, BPF_MAXINSNS);
    lua_createtable(L, (int)count, 0);
    for (socklen_t i = 0; i < count; i++) {
        push_instruction(L, &program[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 0;
}

const struct option_type option_filter = {
    .name = "filter",
    .check = check_filter,
    .get = get_filter,
};

#endif
