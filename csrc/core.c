/*
 * core: joins the rooms' functions and methods into one table and one socket
 * type.
 */
#include <lauxlib.h>
#include <lua.h>

#include "address/address.h"
#include "address/protocol.h"
#include "base/c_memory.h"
#include "base/clock.h"
#include "base/error.h"
#include "message/batch.h"
#include "message/message.h"
#include "option/option.h"
#include "socket/connection.h"
#include "socket/poll.h"
#include "socket/socket.h"
#include "socket/transfer.h"
#include "socket/zerocopy.h"
#include "stream/stream.h"
#include "system/checksum.h"
#include "system/interface.h"
#include "system/netdb.h"
#include "system/netlink.h"
#include "system/process.h"
#include "system/resolve.h"
#include "system/signals.h"
#include "system/unix_file.h"
#include "task/group.h"
#include "task/run.h"
#include "task/sleep.h"
#include "task/task.h"
#include "task/worker.h"
#include "transit/sendfile.h"
#include "transit/splice.h"

__attribute__((visibility("default"))) int luaopen_sockeye_core(lua_State *L);

/* Replace the table on top of the stack by an empty one that looks its fields
 * up in it. luaL_argerror and luaL_traceback search the tables of
 * package.loaded for a function's name: they find sockeye.bind, and never
 * sockeye.core.bind. */
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

int luaopen_sockeye_core(lua_State *L)
{
    luaL_checkversion(L);
    lua_newtable(L);
    lua_newtable(L);
    lua_setfield(L, -2, "primitives");
    open_error(L);
    open_c_memory(L);
    open_clock(L);
    open_address(L);
    open_task(L);
    open_group(L);
    open_run(L);
    open_sleep(L);
    open_unix_file(L);
    open_netlink(L);
    open_worker(L);
    open_protocol(L);
    open_socket(L);
    open_connection(L);
    open_transfer(L);
    open_receive(L);
    open_sendmsg(L);
    open_recvmany(L);
    open_sendmany(L);
    open_sendfile(L);
    open_splice(L);
    open_zerocopy(L);
    open_stream(L);
    open_poll(L);
    open_checksum(L);
    open_option(L);
    open_resolve(L);
    open_netdb(L);
    open_interface(L);
    open_process(L);
    open_signals(L);
    hide_table(L);
    return 1;
}
