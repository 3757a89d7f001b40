-- Servers that run a task for each connection.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local class = require "sockeye.class"
local endpoints_of = require "sockeye.endpoint"
local errors = require "sockeye.serve.errors"
local structure = require "sockeye.structure"
local listen <const> = require("sockeye.listen").listen
local signals_of = require "sockeye.serve.signals"
local visits = require "sockeye.serve.visit"

local primitives <const> = core.primitives
primitives.mark_library_file()
local quote <const> = primitives.quote
local report <const>, starved <const> = errors.report, errors.starved
local group <const>, shield <const> = structure.group, structure.shield
local within <const> = structure.within

-- Returns what is wrong with the option `signals`; nil: nothing.
local function problem_of_signals(signals)
  if not signals then return nil end
  if type(signals) ~= "table" then
    local hint <const> = primitives.read_signal(signals) and
      ('; did you mean { "%s" }?'):format(quote(tostring(signals))) or ""
    return ("list or false expected, got %s%s"):format(type(signals), hint)
  end
  for _, name in ipairs(signals) do
    local problem <const> = arguments.problem(name, "signal")
    if problem then return problem end
  end
end

local known <const> = {
  connections = "count", grace = "seconds", handler_timeout = "seconds",
  idle_timeout = "seconds", listen = endpoints_of.listen_options,
  on_error = "function", signals = problem_of_signals, stop = "channel",
}

local default_grace <const> = 5
local pause <const> = 0.05 -- seconds, after the system ran out of something
local turns <const> = 16 -- that cancelled handlers get at least
local patience <const> = 100 -- attempts to accept without memory
local many <const> = 16 -- connections that fail, and none that does not between

local M = {}

local function set(...)
  local members <const> = {}
  for _, name in ipairs { ... } do members[name] = true end
  return members
end

-- Errors of accept(2) that concern one connection, which has failed before it
-- was accepted; and those that do so only where the listener is a stream's.
local passing <const> = set("ECONNABORTED", "EPROTO", "ENETDOWN",
                            "ENOPROTOOPT", "EHOSTDOWN", "ENONET",
                            "EHOSTUNREACH", "ENETUNREACH")
local passing_of_streams <const> = set("EPERM", "EOPNOTSUPP")

-- Errors for want of something that there may be more of in a while.
local run_out <const> = set("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")

-- ---- the limit on connections ----

-- Waits in a queue until another connection may be served.
local function await_slot(server)
  while server.count >= server.connections do
    local token <const> = { task = primitives.current_task("serve") }
    table.insert(server.waiting, token)
    primitives.park(token, "serve")
  end
end

-- ---- a listener ----

local function start(server, socket, peer)
  await_slot(server)
  visits.start(server, socket, peer)
  server.has_run_out, server.failures = false, 0
end

local function accept_each(server, listener)
  while true do
    await_slot(server)
    local socket, peer = listener:accept()
    local ok, err = pcall(start, server, socket, peer)
    if not ok then
      socket:close()
      error(err, 0)
    end
  end
end

local function is_passing(code, listener)
  return passing[code] or passing_of_streams[code] and
    listener:getsockopt("SO_TYPE") == "stream"
end

-- Waits, if need be, until accepting may go on after an error. Raises an error
-- that will not pass.
local function survive(server, listener, err)
  local code <const> = core.is_error(err) and err.call == "accept" and err.code
  if code and is_passing(code, listener) then
    server.failures = server.failures + 1
    if server.failures > many then core.sleep(pause) end
    return
  end
  if not run_out[code] and err ~= starved.err then error(err, 0) end
  if not server.has_run_out then
    server.has_run_out = true
    pcall(report, server, err == starved.err and starved or
                          { err = err, traceback = "" })
  end
  core.sleep(pause)
end

-- Accepts until an error comes. Returns how often in a row there was not even
-- the memory to wait, given how often that was before.
local function accept_some(server, listener, starvations)
  local _, err = pcall(accept_each, server, listener)
  if server.reason then return 0 end
  local ok, problem = pcall(survive, server, listener, err)
  if ok then return 0 end
  if problem ~= starved.err or starvations == patience then
    error(problem, 0)
  end
  return starvations + 1
end

local function accept_all(server, listener)
  local starvations = 0
  while not server.reason do
    starvations = accept_some(server, listener, starvations)
  end
end

local function accept_until_stopped(server, listener)
  local ok, err = pcall(accept_all, server, listener)
  if not ok and not server.reason then error(err, 0) end
end

-- ---- beginning and end ----

local server_methods <const> = {}
local Server <const> = class.new("sockeye.Server", server_methods)

-- The first call ends accepting, the second one cancels the handlers, and the
-- third one kills those that go on all the same.
function server_methods:stop(reason)
  self.stops = self.stops + 1
  self.reason = self.reason or reason
  visits.wake(self)
end

local function is_socket(value) return class.is(value, "sockeye.Socket") end

-- Remembers a listening socket, and the file of one that the server has
-- created.
local function remember(server, listener, is_ours)
  table.insert(server.listeners, listener)
  server.sockets[listener] = true
  listener:settimeout(nil):fcntl("O_NONBLOCK", false)
  local path <const> = listener:getsockname().path
  if is_ours and path then
    server.files[path] = primitives.file_identity(path)
  end
end

-- Raises why the socket cannot accept connections, as accept(2) says. Those of
-- AF_ALG accept without listening, but no peers.
local function refuse(socket)
  local accepted <close> = socket:accept()
  primitives.raise("accept", accepted and "EOPNOTSUPP" or "EINVAL")
end

local function check_listener(socket)
  local ok, state = pcall(socket.state, socket)
  if ok and state == "LISTEN" then return end
  local _, err = pcall(refuse, socket)
  if core.is_error(err) then err.caller = "serve" end
  if core.is_error(err, "EOPNOTSUPP") then
    err.message = "the socket has no connections to serve"
  end
  error(err, 0)
end

-- Takes a listening socket over, or creates one, whose file the server removes
-- at the end.
local function add_listener(server, endpoint)
  if is_socket(endpoint) then
    check_listener(endpoint)
    return remember(server, endpoint, false)
  end
  local listener <const> = listen(endpoint, server.listen)
  local ok, err = pcall(remember, server, listener, true)
  if not ok then
    listener:close()
    error(err, 0)
  end
end

-- Removes the files of the listeners, but no file that another server has put
-- in the place of ours, and closes them. No other file has the identity of ours
-- while the listener is open. Needs no memory.
local function stop_listening(server)
  for path, identity in pairs(server.files) do
    primitives.remove_file(path, identity)
    server.files[path] = nil
  end
  primitives.close_sockets(server.sockets)
end

function Server:__close()
  self.task = nil
  if self.release then self.release() end
  stop_listening(self)
end

local function await_channel(server, channel)
  channel:get()
  server:stop("stop")
end

local function park_until(server, condition)
  while not condition(server) do primitives.park(server, "serve") end
end

local function is_stopped(server) return server.reason end

-- Waits for the handlers to end, as long as the grace lasts, or until there are
-- so many calls of `stop`.
local function drain(server, stops)
  within(server.grace, park_until, server, function()
    return server.count == 0 or server.stops >= stops
  end)
end

-- Lets the handlers, which are cancelled, run to their ends.
local function let_end(server)
  for _ = 1, turns do
    if server.count == 0 then return end
    core.yield()
  end
  drain(server, 3)
end

-- Cancels the handlers, waits for them likewise, and kills those that go on.
local function end_handlers(server, g)
  g:cancel()
  pcall(shield, math.huge, let_end, server)
  if server.count > 0 then primitives.kill_group(g) end
end

local function supervise(server, g)
  server.group = g
  local helpers <const> = {}
  for i, listener in ipairs(server.listeners) do
    helpers[i] = g:spawn(accept_until_stopped, server, listener)
  end
  if server.stop_channel then
    table.insert(helpers, g:spawn(await_channel, server, server.stop_channel))
  end
  local ok, err = pcall(park_until, server, is_stopped)
  server.reason = server.reason or "cancel"
  stop_listening(server)
  for _, task in ipairs(helpers) do task:cancel() end
  pcall(drain, server, 2)
  if server.count > 0 then end_handlers(server, g) end
  if not ok then error(err, 0) end
  return server.reason
end

local function serve(server, signals)
  server.task = primitives.current_task("serve")
  server.release = primitives.expect_outside_wakeup("serve")
  signals_of.watch(signals, server)
  return group(function(g)
    return supervise(server, g)
  end)
end

local function list_signals(signals)
  if signals == nil then return { "SIGTERM", "SIGINT" } end
  return signals or {}
end

local function list_endpoints(endpoints)
  if type(endpoints) ~= "table" or endpoints_of.is_table(endpoints) then
    endpoints = { endpoints }
  end
  if #endpoints == 0 then
    arguments.raise("serve", 1, "endpoint expected")
  end
  for _, endpoint in ipairs(endpoints) do
    if not is_socket(endpoint) then endpoints_of.check("serve", endpoint) end
  end
  return endpoints
end

--- Serve every connection to one or several endpoints in a task of its own.
-- The handler is called with the stream and the peer's address. When it ends,
-- the tasks that it has spawned are cancelled, and the stream is closed, even
-- if something else still holds it. When one of those tasks fails, the handler
-- is cancelled, too. Outside `run`, `serve` runs a loop of its own; inside a
-- task, only the task waits.
--
-- SIGTERM or SIGINT, or `stop`, ends it: it stops accepting, and gives the
-- handlers `grace` seconds to end. Then, or at a second signal, it cancels
-- those that are left; and after the same time again, or at a third signal, it
-- kills those that go on all the same. Cancelling the task that serves cancels
-- the handlers, too.
--
-- What cannot be served is raised before anything is: an endpoint that cannot
-- be bound, a socket that does not listen. A connection that fails before it is
-- accepted is ignored. When descriptors or memory run out (EMFILE, ENFILE,
-- ENOBUFS, ENOMEM), that is reported once, and accepting goes on when there are
-- some again.
-- @function serve
-- @param endpoints an endpoint as for `listen`, a listening socket, which is
-- closed at the end, or a list of them
-- @func handler called with a `Stream` and an `Address`
-- @tab[opt] options
-- `connections`: how many are served at once; others wait to be accepted;
-- `idle_timeout`: seconds that a stream may wait for its peer (the time-out
-- that it begins with);
-- `handler_timeout`: seconds that a handler may take;
-- `on_error`: called with the error of a handler, the peer's address and the
-- traceback; for an error of accepting, the peer is nil. It is called likewise,
-- but may not wait then, for what the function `on_error` would get of a
-- handler's tasks: further errors in the groups that they and the handler open.
-- Without it, errors are written to standard error: one line for what a peer or
-- the network has done, with a traceback of the script's own functions for any
-- other. Not written are those of the two limits above, and that a client has
-- gone away (ECONNRESET, EPIPE). Nothing waits for standard error: what it does
-- not take is dropped, and a line with the number of lost reports follows when
-- it takes some again. Further errors are reported as everywhere in the loop,
-- and so is, in any case, that a handler is killed;
-- `grace`: seconds, by default 5;
-- `stop`: a channel; a value in it, or closing it, ends the server;
-- `signals`: a list in place of SIGTERM and SIGINT, or false for none. The
-- server hears them beside their handlers and whoever else listens (`signal`).
-- Where another Lua state of the process handles signals, the server does
-- without, and a line on standard error says so;
-- `listen`: options for `listen`
-- @treturn string what ended it: the signal's name, or `"stop"`
-- @raise what `listen` raises; EINVAL for a socket that does not listen,
-- EOPNOTSUPP for one that has no connections; ECANCELED where the task was
-- cancelled; ETIMEDOUT with `timeout`; any other error of accepting
-- @usage
-- sockeye.serve("*:7777", function(stream)
--   for line in stream:lines() do stream:write(line, "\n") end
-- end)
function M.serve(endpoints, handler, options)
  if type(options) == "function" then
    endpoints_of.refuse_port("serve", endpoints, handler, "function")
  end
  options = arguments.options("serve", 3, options, known)
  endpoints = list_endpoints(endpoints)
  arguments.check("serve", 2, handler, "function")
  local server <const> = setmetatable({
    handler = handler,
    connections = options.connections or math.huge,
    idle_timeout = options.idle_timeout,
    handler_timeout = options.handler_timeout,
    limited = options.idle_timeout or options.handler_timeout,
    on_error = options.on_error,
    grace = options.grace or default_grace,
    signals = signals_of.new(),
    stop_channel = options.stop,
    listen = options.listen,
    count = 0, stops = 0, failures = 0,
    waiting = {}, listeners = {}, files = {},
    sockets = {}, -- the listeners, as keys
  }, Server)
  local _ <close> = server.signals
  local _ <close> = server
  for _, endpoint in ipairs(endpoints) do add_listener(server, endpoint) end
  local signals <const> = list_signals(options.signals)
  if pcall(primitives.current_task, "serve") then
    return serve(server, signals)
  end
  return core.run(serve, server, signals)
end

return M
