/*
 * events: the events of poll(2) as letters; see events.h.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/argument.h"
#include "base/quote.h"
#include "socket/events.h"

static const struct {
    char letter;
    short event;
} letters[] = {{'r', POLLIN}, {'w', POLLOUT}, {'p', POLLPRI}, {0, 0}};

static short event_of(char letter)
{
    for (int i = 0; letters[i].letter != 0; i++) {
        if (letters[i].letter == letter)
            return letters[i].event;
    }
    return 0;
}

short events_read(lua_State *L)
{
    bool is_string = lua_type(L, -1) == LUA_TSTRING;
    size_t length = 0;
    const char *text = is_string ? lua_tolstring(L, -1, &length) : NULL;
    short events = 0;
    struct quote quote, whole;

    if (length == 0)
        lua_pushliteral(L,
                        "events must be \"r\", \"w\", \"rw\" or contain \"p\"");
    quote_text(&whole, text, length);
    for (; length > 0; text++, length--) {
        short event = event_of(*text);

        if (event == 0) {
            quote_text(&quote, text, 1);
            lua_pushfstring(L,
                            "unknown event '%s' in '%s'; the events are "
                            "letters: \"r\", \"w\", \"p\" or several",
                            quote.text, whole.text);
            return 0;
        }
        events |= event;
    }
    return events;
}

short events_check(lua_State *L, int arg)
{
    short events = events_read(L);

    if (events == 0)
        luaL_argerror(L, arg, lua_tostring(L, -1));
    return events;
}

void events_push(lua_State *L, const struct pollfd *p)
{
    short events = p->revents & p->events;
    char text[sizeof letters / sizeof *letters];
    size_t length = 0;

    if (p->revents & (POLLERR | POLLHUP))
        events = p->events;
    for (int i = 0; letters[i].letter != 0; i++) {
        if (events & letters[i].event)
            text[length++] = letters[i].letter;
    }
    lua_pushlstring(L, text, length);
}
