/*
 * info: structures of numbers that Linux reports; see info.h.
 */
#include <stdint.h>
#include <string.h>

#include "option/info.h"

static lua_Integer read_field(const unsigned char *bytes, size_t size)
{
    uint16_t half;
    uint32_t word;
    uint64_t pair;

    switch (size) {
    case sizeof half:
        memcpy(&half, bytes, size);
        return half;
    case sizeof word:
        memcpy(&word, bytes, size);
        return word;
    case sizeof pair:
        memcpy(&pair, bytes, size);
        return (lua_Integer)pair;
    default:
        return *bytes;
    }
}

void option_set_info_fields(lua_State *L, const struct info_field *row,
                            const unsigned char *bytes, socklen_t length)
{
    for (; row->name; row++) {
        if (row->offset + row->size > length)
            continue;
        field_set_integer(L, row->name,
                          read_field(bytes + row->offset, row->size));
    }
}

void option_push_info(lua_State *L, const struct option_type *type,
                      const union option_value *value, socklen_t length)
{
    lua_newtable(L);
    option_set_info_fields(L, type->fields, value->bytes, length);
}
