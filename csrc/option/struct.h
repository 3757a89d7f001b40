/*
 * struct: structures of numbers that Linux reports, such as struct tcp_info.
 * Newer kernels append fields; those that a kernel does not report are absent
 * from the Lua table.
 */
#ifndef SOCKEYE_OPTION_STRUCT_H
#define SOCKEYE_OPTION_STRUCT_H

#include <stddef.h>
#include <sys/socket.h>

#include <lua.h>

#include "option/type.h"

/* An unsigned field of a structure. */
struct info_field {
    const char *name; /* NULL: the last row */
    size_t offset;
    size_t size;
};

/* Push a table of the fields that type->fields lists. */
option_push option_push_info;

/* Set, in the table on top, the fields that lie within `length` bytes. */
void option_set_info_fields(lua_State *L, const struct info_field *row,
                            const unsigned char *bytes, socklen_t length);

#endif
