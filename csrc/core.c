/*
 * core: joins the rooms' functions and methods into one table and one socket
 * type.
 */
#include <lauxlib.h>
#include <lua.h>

#include "batch.h"
#include "checksum.h"
#include "connection.h"
#include "error.h"
#include "foreign.h"
#include "group.h"
#include "interface.h"
#include "message.h"
#include "netdb.h"
#include "netlink.h"
#include "option.h"
#include "path.h"
#include "poll.h"
#include "process.h"
#include "protocol.h"
#include "resolve.h"
#include "run.h"
#include "sendfile.h"
#include "signals.h"
#include "sockaddr.h"
#include "socket.h"
#include "splice.h"
#include "stream.h"
#include "suspend.h"
#include "task.h"
#include "transfer.h"
#include "wait.h"
#include "worker.h"
#include "zerocopy.h"

__attribute__((visibility("default"))) int luaopen_sockeye_core(lua_State *L);

int luaopen_sockeye_core(lua_State *L)
{
    luaL_checkversion(L);
    lua_newtable(L);
    open_error(L);
    open_foreign(L);
    open_sockaddr(L);
    open_task(L);
    open_group(L);
    open_run(L);
    open_suspend(L);
    open_path(L);
    open_netlink(L);
    open_wait(L);
    open_worker(L);
    open_protocol(L);
    open_socket(L);
    open_connection(L);
    open_transfer(L);
    open_receive(L);
    open_sendmsg(L);
    open_batch(L);
    open_batch_send(L);
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
    return 1;
}
