/*
 * info: structures of numbers that Linux reports, and to which it appends
 * fields: what a kernel does not report is absent from the table.
 */
#ifndef SOCKEYE_OPTION_INFO_H
#define SOCKEYE_OPTION_INFO_H

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

/* A table of the fields of type->fields. */
option_push option_push_info;

/* Set the fields that are within `length` bytes in the table on top. */
void option_set_info_fields(lua_State *L, const struct info_field *row,
                            const unsigned char *bytes, socklen_t length);

#endif
