/*
 * nearest: finds the name that was probably meant, for errors about unknown
 * names.
 *
 *     nearest_start(&nearest, wanted, length);
 *     for each name that exists: nearest_offer(&nearest, name);
 *     return nearest_argerror(L, arg, "family", &nearest);
 */
#ifndef SOCKEYE_BASE_NEAREST_H
#define SOCKEYE_BASE_NEAREST_H

#include <stddef.h>

#include <lua.h>

#define NEAREST_LISTED 14 /* so few names are listed where none is near */

/* A name that does not exist, and the nearest candidate so far. */
struct nearest {
    const char *wanted;
    size_t length;    /* of `wanted`, which may contain zeros */
    const char *best; /* NULL: nothing is near */
    size_t distance;
    size_t offered; /* how many candidates; the first of them are listed */
    const char *list[NEAREST_LISTED];
};

void nearest_start(struct nearest *nearest, const char *wanted, size_t length);
void nearest_offer(struct nearest *nearest, const char *candidate);

/* Push "unknown family 'inet9', did you mean 'inet6'?"; or, where none is near,
 * "unknown end 'x'; there are rd, wr, rdwr", if they are few. The candidates are
 * still there. */
void nearest_push(lua_State *L, const char *kind,
                  const struct nearest *nearest);

/* Raise what nearest_push pushes as an argument error. */
int nearest_argerror(lua_State *L, int arg, const char *kind,
                     const struct nearest *nearest);

#endif
