/*
 * open: the functions that open the files of all folders, in core.c's order.
 *
 * The module table is on top of the stack before and after each call. A file
 * adds its functions and constants to it, or methods to the type of a file
 * opened before.
 */
#ifndef SOCKEYE_OPEN_H
#define SOCKEYE_OPEN_H

#include <lua.h>

/* base */
void open_loaded(lua_State *L);
void open_error(lua_State *L);
void open_quote(lua_State *L);
void open_nearest(lua_State *L);
void open_c_memory(lua_State *L);
void open_clock(lua_State *L);
void open_process_number(lua_State *L);
void open_scratch(lua_State *L);
void open_block(lua_State *L);

/* address */
void open_address(lua_State *L);
void open_families(lua_State *L);
void open_address_text(lua_State *L);
void open_address_methods(lua_State *L);
void open_port(lua_State *L);
void open_protocol(lua_State *L);
void open_level(lua_State *L);

/* task */
void open_loops(lua_State *L);
void open_list(lua_State *L);
void open_live(lua_State *L);
void open_origin(lua_State *L);
void open_task(lua_State *L);
void open_task_methods(lua_State *L);
void open_group(lua_State *L);
void open_group_methods(lua_State *L);
void open_kill(lua_State *L);
void open_turn(lua_State *L);
void open_run(lua_State *L);
void open_outside(lua_State *L);
void open_scopes(lua_State *L);
void open_resume(lua_State *L);
void open_sleep(lua_State *L);
void open_primitives(lua_State *L);
void open_traceback(lua_State *L);
void open_describe(lua_State *L);
void open_job_handle(lua_State *L);

/* socket */
void open_known(lua_State *L);
void open_socket(lua_State *L);
void open_adopt(lua_State *L);
void open_duplicate(lua_State *L);
void open_send(lua_State *L);
void open_receive(lua_State *L);
void open_pollable(lua_State *L);
void open_connection(lua_State *L);
void open_connect(lua_State *L);
void open_state(lua_State *L);
void open_queues(lua_State *L);
void open_listing(lua_State *L);
void open_transfer(lua_State *L);
void open_read_write(lua_State *L);
void open_tracker(lua_State *L);
void open_zerocopy(lua_State *L);
void open_poll(lua_State *L);

/* sync */
void open_channel(lua_State *L);
void open_channel_methods(lua_State *L);
void open_select(lua_State *L);
void open_semaphore(lua_State *L);
void open_mutex(lua_State *L);
void open_event(lua_State *L);
void open_interval(lua_State *L);

/* option */
void open_option(lua_State *L);
void open_supports(lua_State *L);

/* message */
void open_sendmsg(lua_State *L);
void open_recvmany(lua_State *L);
void open_sendmany(lua_State *L);

/* stream */
void open_stream(lua_State *L);
void open_stream_close(lua_State *L);
void open_stream_open(lua_State *L);
void open_stream_read(lua_State *L);
void open_stream_socket(lua_State *L);
void open_stream_until(lua_State *L);
void open_stream_write(lua_State *L);
void open_stream_queued(lua_State *L);

/* transit */
void open_transit(lua_State *L);
void open_sendfile(lua_State *L);
void open_splice(lua_State *L);
void open_pipe(lua_State *L);

/* system */
void open_unix_file(lua_State *L);
void open_netlink(lua_State *L);
void open_checksum(lua_State *L);
void open_resolver(lua_State *L);
void open_punycode(lua_State *L);
void open_idn(lua_State *L);
void open_resolve(lua_State *L);
void open_nameinfo(lua_State *L);
void open_reverse(lua_State *L);
void open_netdb(lua_State *L);
void open_interface(lua_State *L);
void open_process(lua_State *L);
void open_program(lua_State *L);
void open_status(lua_State *L);
void open_subprocess(lua_State *L);
void open_exec(lua_State *L);
void open_identity(lua_State *L);
void open_hostname(lua_State *L);
void open_signals(lua_State *L);

#endif
