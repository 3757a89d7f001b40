/*
 * handle: the time-outs of a descriptor's owner as errors; see handle.h.
 */
#include "base/error.h"
#include "loop/state.h"
#include "task/handle.h"

void handle_push_timeout(lua_State *L, const char *call, int subject,
                         const struct handle *handle)
{
    error_push_timeout(L, call, subject, handle->timeout);
    if (handle->idle_limit)
        error_name_limit(L, handle->timeout, "idle_timeout");
}
