/*
 * histogram: how long the exchanges took, to within 3 %.
 */
#include <string.h>

#include "load.h"

#define BITS 5 /* of each power of two */
#define CELLS ((64 - BITS + 1) << BITS)

static uint64_t cells[CELLS];
static uint64_t total;

void latency_clear(void)
{
    memset(cells, 0, sizeof cells);
    total = 0;
}

/* Small values have a cell each; of greater ones the first bits count. */
static int cell_of(uint64_t value)
{
    int shift;

    if (value < 1 << BITS)
        return (int)value;
    shift = 63 - BITS - __builtin_clzll(value);
    return ((shift + 1) << BITS) + (int)((value >> shift) - (1 << BITS));
}

static double value_of(int cell)
{
    int shift = (cell >> BITS) - 1;

    if (shift < 0)
        return cell;
    return (double)((uint64_t)((cell & ((1 << BITS) - 1)) + (1 << BITS))
                    << shift);
}

void latency_add(int64_t nanoseconds)
{
    cells[cell_of(nanoseconds > 0 ? (uint64_t)nanoseconds : 0)]++;
    total++;
}

double latency_quantile(double share)
{
    uint64_t rank = (uint64_t)(share * (double)total);
    uint64_t seen = 0;

    for (int cell = 0; cell < CELLS; cell++) {
        seen += cells[cell];
        if (seen > rank)
            return value_of(cell) / 1000;
    }
    return 0;
}
