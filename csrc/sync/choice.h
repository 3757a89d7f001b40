/*
 * choice: what select waits for, as the script's list names it.
 */
#ifndef SOCKEYE_SYNC_CHOICE_H
#define SOCKEYE_SYNC_CHOICE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

enum choice_kind { CHOICE_GET, CHOICE_PUT, CHOICE_END, CHOICE_READY };

struct choice {
    enum choice_kind kind;
    int object; /* its index on the stack */
    union {
        struct channel *channel;
        struct task *task;
    };         /* what is there */
    int value; /* PUT: that of the value; READY: its place in `fds` */
};

struct choices {
    int64_t deadline; /* 0: do not wait */
    int top;          /* of the stack, above all objects and values */
    int count;
    int watched; /* how many are READY */
    struct choice *list;
    struct pollfd *fds;
};

/* Choices on the C stack, as long as the call has not yielded. */
#define CHOICE_FEW 8
struct choice_few {
    struct choices choices;
    struct choice list[CHOICE_FEW];
    struct pollfd fds[CHOICE_FEW];
};

/* Read the list that is argument 1, into `few` if it is short enough, else into
 * a userdata at CHOICES. Pushes the objects and values, which nobody else can
 * change. Raises argument errors. */
enum { CHOICE_LIST = 1, CHOICES };
struct choices *choice_read(lua_State *L, struct choice_few *few);

/* Move them into a userdata at CHOICES, unless they are there. */
struct choices *choice_keep(lua_State *L, const struct choices *s);

/* Ask the kernel about the descriptors that are watched, without a wait. Raises
 * EBADF in the name of `call` if one is closed: by another task, if `waited`. */
void choice_poll(lua_State *L, struct choices *s, const char *call,
                 bool waited);

/* Whether it would not have to wait. A descriptor: as choice_poll has seen. */
bool choice_is_ready(const struct choices *s, const struct choice *c);

#endif
