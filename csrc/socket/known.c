/*
 * known: which descriptors the sockets of a Lua state own; see known.h.
 *
 * A state's counters are C memory, found by the address of its registry. They
 * are never freed, but used again for another state: a look at those of a state
 * that has ended is harmless.
 */
#include <stdlib.h>

#include "base/argument.h"
#include "base/error.h"
#include "base/metatable.h"
#include "open.h"
#include "socket/known.h"

#define KNOWN_TYPE "sockeye.known"
#define SEEN 64 /* states that were seen lately */
#define IS_TRACED ((uintptr_t)1)

struct known {
    _Atomic(const void *) registry; /* of the state; NULL: it has ended */
    lua_Integer opened;
    bool traces;
    struct known *next; /* in the list of all */
};

/* The userdata that holds the counters of a state. */
struct holder {
    struct known *known; /* NULL: the state is being closed */
};

_Atomic(known_owner *) known_pages[KNOWN_PAGES];

static _Atomic(struct known *) all;
static _Atomic(struct known *) seen[SEEN];

/* The registry's key of the holder, whose user value is the table of the lines, by
 * descriptor. */
static const char known_key = 'k';

/* ---- the counters of a state ---- */

static _Atomic(struct known *) *seen_place(const void *registry)
{
    return &seen[(uintptr_t)registry / 64 % SEEN];
}

static struct known *find(lua_State *L, const void *registry)
{
    const struct holder *holder;
    struct known *known;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &known_key);
    holder = lua_touserdata(L, -1);
    known = holder->known;
    lua_pop(L, 1);
    if (known != NULL)
        atomic_store_explicit(seen_place(registry), known,
                              memory_order_relaxed);
    return known;
}

/* The counters; or NULL: the state is being closed. */
static struct known *known_of(lua_State *L)
{
    const void *registry = lua_topointer(L, LUA_REGISTRYINDEX);
    struct known *known =
        atomic_load_explicit(seen_place(registry), memory_order_relaxed);

    if (known != NULL && atomic_load_explicit(&known->registry,
                                              memory_order_relaxed) == registry)
        return known;
    return find(L, registry);
}

/* Take counters that no state uses any more; or NULL. */
static struct known *take_unused(const void *registry)
{
    struct known *known = atomic_load_explicit(&all, memory_order_acquire);

    for (; known != NULL; known = known->next) {
        const void *none = NULL;

        if (atomic_compare_exchange_strong(&known->registry, &none, registry))
            return known;
    }
    return NULL;
}

static struct known *make(const void *registry)
{
    struct known *known = calloc(1, sizeof *known);

    if (known == NULL)
        return NULL;
    atomic_init(&known->registry, registry);
    known->next = atomic_load_explicit(&all, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&all, &known->next, known))
        continue;
    return known;
}

/* ---- the descriptors ---- */

/* The page for the descriptor, made where there is none; or NULL. */
static known_owner *make_page(int fd)
{
    _Atomic(known_owner *) *place = &known_pages[fd / KNOWN_PAGE];
    known_owner *page = calloc(KNOWN_PAGE, sizeof *page);
    known_owner *other = NULL;

    if (page == NULL || atomic_compare_exchange_strong(place, &other, page))
        return page;
    free(page);
    return other;
}

/* For known_note_open, where there is no page. */
static known_owner *make_place(int fd)
{
    known_owner *page = fd >= 0 && fd < KNOWN_MOST ? make_page(fd) : NULL;

    return page != NULL ? &page[fd % KNOWN_PAGE] : NULL;
}

static bool is_traced(uintptr_t owner)
{
    return (owner & IS_TRACED) != 0;
}

/* Note the script's line that opens the socket. */
static void note_line(lua_State *L, int fd)
{
    luaL_checkstack(L, 4, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &known_key);
    lua_getiuservalue(L, -1, 1);
    if (!error_push_place(L, L)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_rawseti(L, -2, fd);
    lua_pop(L, 2);
}

void known_note_open(lua_State *L, int fd)
{
    struct known *known = known_of(L);
    known_owner *place = known_place(fd);

    if (known == NULL)
        return;
    if (place == NULL)
        place = make_place(fd);
    if (known->traces)
        note_line(L, fd);
    known->opened++;
    if (place != NULL)
        atomic_store_explicit(place, (uintptr_t)known | known->traces,
                              memory_order_relaxed);
}

static bool owns(const struct known *known, uintptr_t owner)
{
    return (owner & ~IS_TRACED) == (uintptr_t)known;
}

static int next_of(const struct known *known, int fd)
{
    while (fd < KNOWN_MOST) {
        const known_owner *place = known_place(fd);

        if (place == NULL)
            fd += KNOWN_PAGE - fd % KNOWN_PAGE;
        else if (owns(known, atomic_load_explicit(place, memory_order_relaxed)))
            return fd;
        else
            fd++;
    }
    return -1;
}

int known_next(lua_State *L, int fd)
{
    const struct known *known = known_of(L);

    return known != NULL ? next_of(known, fd) : -1;
}

lua_Integer known_opened(lua_State *L)
{
    const struct known *known = known_of(L);

    return known != NULL ? known->opened : 0;
}

void known_push_where(lua_State *L, int fd)
{
    const known_owner *place = known_place(fd);

    if (place == NULL ||
        !is_traced(atomic_load_explicit(place, memory_order_relaxed))) {
        lua_pushnil(L);
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &known_key);
    lua_getiuservalue(L, -1, 1);
    lua_rawgeti(L, -1, fd);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

bool known_trace(lua_State *L, bool on)
{
    struct known *known = known_of(L);
    bool before;

    if (known == NULL)
        return false;
    before = known->traces;
    known->traces = on;
    return before;
}

/* ---- the end of a state ---- */

/* A socket whose finalizer Lua could not call leaves its descriptor open: it is
 * nobody's from now on. */
static int known_gc(lua_State *L)
{
    struct holder *holder = lua_touserdata(L, 1);
    struct known *known = holder->known;

    holder->known = NULL;
    if (known == NULL)
        return 0;
    for (int fd = next_of(known, 0); fd != -1; fd = next_of(known, fd + 1))
        known_note_closed(fd);
    known->opened = 0;
    known->traces = false;
    atomic_store(&known->registry, NULL);
    return 0;
}

void open_known(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", known_gc},
        {NULL, NULL},
    };
    struct holder *holder = lua_newuserdatauv(L, sizeof *holder, 1);
    const void *registry = lua_topointer(L, LUA_REGISTRYINDEX);

    holder->known = NULL;
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    metatable_push(L, KNOWN_TYPE, metamethods);
    lua_setmetatable(L, -2);
    holder->known = take_unused(registry);
    if (holder->known == NULL)
        holder->known = make(registry);
    if (holder->known == NULL)
        luaL_error(L, "not enough memory");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &known_key);
}
