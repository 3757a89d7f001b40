/*
 * checksum: the checksum of the Internet protocols, RFC 1071.
 *
 * A one's complement sum does not depend on the byte order, except that its own
 * bytes are swapped. Therefore it is taken over whole words in the machine's
 * order. Functions named sockeye_* are the module's.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/argument.h"
#include "open.h"

/* The sum of the two halves of a word of eight bytes, in the machine's order:
 * fewer than 2^32 of these sums cannot overflow. */
static uint64_t word_sum(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return (word & UINT32_MAX) + (word >> 32);
}

/* The word_sum of the last bytes, fewer than eight, padded with zeroes. */
static uint64_t tail_sum(const char *bytes, size_t size)
{
    char padded[sizeof(uint64_t)] = {0};

    memcpy(padded, bytes, size);
    return word_sum(padded);
}

/* The sum in the machine's order of fewer than 2^32 words of eight bytes. */
static uint64_t sum_of(const char *bytes, size_t size)
{
    uint64_t sums[4] = {0};
    size_t i = 0;

    for (; size - i >= sizeof sums; i += sizeof sums) {
        sums[0] += word_sum(bytes + i);
        sums[1] += word_sum(bytes + i + 8);
        sums[2] += word_sum(bytes + i + 16);
        sums[3] += word_sum(bytes + i + 24);
    }
    for (; size - i >= 8; i += 8)
        sums[0] += word_sum(bytes + i);
    sums[1] += tail_sum(bytes + i, size - i);
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* Fold a sum into 16 bits. */
static uint16_t fold(uint64_t sum)
{
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

/*** Return the Internet checksum of some bytes (RFC 1071).
It is the checksum in the headers of IPv4, ICMP, UDP and TCP. For bytes that
include their own correct checksum it is 0.
@function checksum
@string data any bytes; an odd number is padded with a zero
@int[opt=65535] start the checksum of an even number of bytes that come before,
such as a pseudo-header
@treturn int 16 bits, for `string.pack(">I2", …)`
@raise argument error for a `start` that is not of 16 bits
@usage
local function echo_request(id, sequence, data)
  local rest = string.pack(">I2I2", id, sequence) .. data
  local sum = sockeye.checksum("\8\0\0\0" .. rest)
  return string.pack(">BBI2", 8, 0, sum) .. rest
end
*/
static int sockeye_checksum(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    lua_Integer start = luaL_optinteger(L, 2, UINT16_MAX);
    uint64_t sum;

    luaL_argcheck(L, start >= 0 && start <= UINT16_MAX, 2,
                  "checksum out of range (0 to 65535)");
    sum = htons((uint16_t)~start) + (uint64_t)fold(sum_of(bytes, size));
    lua_pushinteger(L, (uint16_t)~ntohs(fold(sum)));
    return 1;
}

void open_checksum(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"checksum", sockeye_checksum},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
