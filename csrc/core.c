/*
 * core: the module's entry point, which opens every file in order.
 */
#include <stddef.h>

#include <lua.h>

#include "base/argument.h"
#include "loop/running.h"
#include "open.h"

__attribute__((visibility("default"))) int luaopen_sockeye_core(lua_State *L);

/* Replace the table on top by an empty one with __index to it. luaL_argerror
 * and luaL_traceback search the tables in package.loaded for a function's name:
 * so they find sockeye.bind, and never sockeye.core.bind. */
static void hide_table(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "sockeye.core");
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

/* Each file comes after the files whose types and tables it extends. The first
 * methods of a type are found fastest: those that send and receive. */
/* clang-format off */
static void (*const openers[])(lua_State *L) = {
    open_loaded,
    open_error,
    open_quote,
    open_nearest,
    open_c_memory,
    open_clock,
    open_process_number,
    open_scratch,
    open_block,
    open_address,
    open_families,
    open_address_text,
    open_address_methods,
    open_port,
    open_protocol,
    open_level,
    open_loops,
    open_list,
    open_live,
    open_origin,
    open_task,
    open_task_methods,
    open_group,
    open_group_methods,
    open_kill,
    open_turn,
    open_run,
    open_outside,
    open_scopes,
    open_resume,
    open_sleep,
    open_primitives,
    open_traceback,
    open_describe,
    open_job_handle,
    open_known,
    open_socket,
    open_adopt,
    open_duplicate,
    open_send,
    open_receive,
    open_pollable,
    open_connection,
    open_connect,
    open_state,
    open_queues,
    open_listing,
    open_transfer,
    open_read_write,
    open_tracker,
    open_zerocopy,
    open_poll,
    open_channel,
    open_channel_methods,
    open_select,
    open_semaphore,
    open_mutex,
    open_event,
    open_interval,
    open_option,
    open_supports,
    open_sendmsg,
    open_recvmany,
    open_sendmany,
    open_stream,
    open_stream_close,
    open_stream_open,
    open_stream_read,
    open_stream_until,
    open_stream_write,
    open_stream_queued,
    open_stream_socket,
    open_transit,
    open_sendfile,
    open_splice,
    open_pipe,
    open_unix_file,
    open_netlink,
    open_checksum,
    open_resolver,
    open_punycode,
    open_idn,
    open_resolve,
    open_nameinfo,
    open_reverse,
    open_netdb,
    open_interface,
    open_process,
    open_program,
    open_status,
    open_subprocess,
    open_exec,
    open_identity,
    open_hostname,
    open_signals,
};
/* clang-format on */

/* The registry's key of the module's table. */
static const char core_key = 'm';

/* A Lua state has one pool of blocks, one table of tasks, one metatable for each
 * type: a module that is required anew is the same one, so that the objects of
 * both are. */
int luaopen_sockeye_core(lua_State *L)
{
    luaL_checkversion(L);
    loop_note_thread();
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key) == LUA_TTABLE)
        return 1;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    lua_setfield(L, -2, "primitives");
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++)
        openers[i](L);
    hide_table(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
    return 1;
}
