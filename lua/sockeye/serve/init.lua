-- Servers that run a task for each connection.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local endpoints_of = require "sockeye.endpoint"
local group <const> = require("sockeye.structure").group
local listen <const> = require("sockeye.listen").listen
local signals_of = require "sockeye.serve.signals"

local primitives <const> = core.primitives
primitives.mark_library_file()

-- Returns what is wrong with the option `signals`; nil: nothing.
local function problem_of_signals(signals)
  if not signals then return nil end
  if type(signals) ~= "table" then return "list or false expected" end
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

local M = {}

local function set(...)
  local members <const> = {}
  for _, name in ipairs { ... } do members[name] = true end
  return members
end

-- Errors of accept(2) that concern one connection, which has failed before it
-- was accepted.
local passing <const> = set("ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN",
                            "ENOPROTOOPT", "EHOSTDOWN", "ENONET",
                            "EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH")

-- Errors for want of something that there may be more of in a while.
local run_out <const> = set("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")

-- ---- errors ----

local function explain(err)
  return { err = err, traceback = debug.traceback(nil, 2) }
end

local function to_stderr(what, peer)
  io.stderr:write(("%s: %s\n%s\n"):format(peer or "serve", what.err,
                                         what.traceback))
end

local function report(server, what, peer)
  local err <const> = what.err
  if core.is_error(err, "ECANCELED") then return end
  if server.on_error then
    local ok, problem = xpcall(server.on_error, explain, err, peer,
                               what.traceback)
    if ok or core.is_error(problem.err, "ECANCELED") then return end
    what = problem
  elseif core.is_error(err) and err.timeout and server.limited then
    return
  end
  to_stderr(what, peer)
end

-- ---- the limit on connections ----

-- Waits in a queue until another connection may be served.
local function await_slot(server)
  while server.count >= server.connections do
    local token <const> = { task = primitives.current_task("serve") }
    table.insert(server.waiting, token)
    primitives.park(token, "serve")
  end
end

local function wake(server)
  if server.task then primitives.unpark(server.task, server) end
end

local function leave(server)
  server.count = server.count - 1
  if server.reason and server.count == 0 then wake(server) end
  while server.waiting[1] do
    local token <const> = table.remove(server.waiting, 1)
    if primitives.unpark(token.task, token) then return end
  end
end

-- ---- a connection ----

-- There may be thousands of these tasks, so their stacks are kept small: one
-- <close> variable does all that is due at the end, and no pcall stands between
-- the handler and its task, which keeps the traceback of an error. A visit
-- holds the server, the socket, which its stream replaces, and the peer's
-- address; and the field `deadline`.
local Visit <const> = { __name = "sockeye.Visit" }

-- Replaces an error that has been reported: a task that ends as if cancelled
-- does not fail its group.
local _, reported <const> = pcall(primitives.raise, "serve", "ECANCELED")

local function close(value, err)
  getmetatable(value).__close(value, err)
end

-- Ends the tasks that the handler has spawned. Raises the error of one that has
-- failed.
local function end_spawned()
  local spawned <const> = primitives.end_spawn_group()
  if spawned then primitives.finish_group(spawned:cancel(), true) end
end

-- Calls f and returns the error to report: `what`, the first, unless that is a
-- cancellation, which is how the failure of a spawned task reaches its handler.
local function finish(what, f, ...)
  local ok, problem = xpcall(f, explain, ...)
  if ok or what and not core.is_error(what.err, "ECANCELED") then
    return what
  end
  return problem
end

function Visit:__close(err)
  local server <const> = self[1]
  local what = err ~= nil and {
    err = err,
    traceback = primitives.current_task("serve"):traceback() or "",
  } or nil
  what = finish(what, end_spawned)
  what = finish(what, close, self[2], what and what.err)
  if self.deadline then close(self.deadline) end
  leave(server)
  if what then
    report(server, what, self[3])
    error(reported, 0)
  end
end

local function handle(visit)
  local _ <close> = visit
  visit[2] = core.stream(visit[2])
  primitives.begin_spawn_group()
  visit[1].handler(visit[2], visit[3])
end

local function handle_with_limits(visit)
  local _ <close> = visit
  local server <const> = visit[1]
  if server.handler_timeout then
    visit.deadline = primitives.deadline(server.handler_timeout)
  end
  visit[2] = core.stream(visit[2])
  if server.idle_timeout then visit[2]:settimeout(server.idle_timeout) end
  primitives.begin_spawn_group()
  server.handler(visit[2], visit[3])
end

-- ---- a listener ----

local function start(server, socket, peer)
  await_slot(server)
  server.group:spawn(server.limited and handle_with_limits or handle,
                     setmetatable({ server, socket, peer }, Visit))
  server.count = server.count + 1
  server.has_run_out = false
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

-- Waits, if need be, until accepting may go on after an error. Raises an error
-- that will not pass.
local function survive(server, err)
  local code <const> = core.is_error(err) and err.call == "accept" and err.code
  if passing[code] then return end
  if not run_out[code] then error(err, 0) end
  if not server.has_run_out then
    server.has_run_out = true
    report(server, { err = err, traceback = debug.traceback() })
  end
  core.sleep(pause)
end

local function accept_all(server, listener)
  while not server.reason do
    local _, err = pcall(accept_each, server, listener)
    if not server.reason then survive(server, err) end
  end
end

local function accept_until_stopped(server, listener)
  local ok, err = pcall(accept_all, server, listener)
  if not ok and not server.reason then error(err, 0) end
end

-- ---- beginning and end ----

local server_methods <const> = {}
local Server <const> = { __name = "sockeye.Server", __index = server_methods }

-- The first call ends accepting, the second one the handlers.
function server_methods:stop(reason)
  if self.reason then self.hurried = true end
  self.reason = self.reason or reason
  wake(self)
end

local function is_socket(value)
  local meta <const> = getmetatable(value)
  return type(value) == "userdata" and meta ~= nil and
    meta.__name == "sockeye.Socket"
end

-- Takes a listening socket over, or creates one, and then remembers its file,
-- which the server removes at the end.
local function add_listener(server, endpoint)
  local listener = endpoint
  if not is_socket(endpoint) then
    listener = listen(endpoint, server.listen)
  end
  table.insert(server.listeners, listener)
  listener:settimeout(nil):fcntl("O_NONBLOCK", false)
  local path <const> = listener:getsockname().path
  if listener ~= endpoint and path then
    server.files[path] = primitives.socket_file(path)
  end
end

-- Closes the listeners and removes their files, but no file that another server
-- has put in the place of ours.
local function stop_listening(server)
  for path, file in pairs(server.files) do
    if primitives.socket_file(path) == file then os.remove(path) end
  end
  server.files = {}
  for _, listener in ipairs(server.listeners) do listener:close() end
end

function Server:__close()
  self.task = nil
  for _, name in ipairs(self.signals) do signals_of.forget(name, self) end
  stop_listening(self)
  if self.release then self.release() end
end

local function await_channel(server, channel)
  channel:get()
  server:stop("stop")
end

local function park_until(server, condition)
  while not condition(server) do primitives.park(server, "serve") end
end

local function is_stopped(server) return server.reason end
local function is_over(server) return server.count == 0 or server.hurried end

-- Waits for the handlers to end, as long as the grace lasts.
local function drain(server)
  local _ <close> = primitives.deadline(server.grace)
  park_until(server, is_over)
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
  pcall(drain, server)
  if server.count > 0 then
    pcall(core.yield) -- a task that has not begun would not close its stream
    g:cancel()
  end
  if not ok then error(err, 0) end
  return server.reason
end

local function serve(server, endpoints)
  local _ <close> = server
  server.task = primitives.current_task("serve")
  server.release = primitives.expect_outside_wakeup("serve")
  for _, endpoint in ipairs(endpoints) do add_listener(server, endpoint) end
  for _, name in ipairs(server.signals) do signals_of.watch(name, server) end
  return group(function(g)
    return supervise(server, g)
  end)
end

local function list_signals(signals)
  if signals == nil then return { "SIGTERM", "SIGINT" } end
  return signals or {}
end

local function list_endpoints(endpoints)
  if type(endpoints) ~= "table" then endpoints = { endpoints } end
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
-- SIGTERM or SIGINT, `stop`, or cancelling the task that serves ends it: it
-- stops accepting, gives the handlers `grace` seconds to end, and then cancels
-- those that are left. A second signal cancels them at once.
--
-- A connection that fails before it is accepted is ignored. When descriptors or
-- memory run out (EMFILE, ENFILE, ENOBUFS, ENOMEM), that is reported once, and
-- accepting goes on when there are some again.
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
-- traceback; for an error of accepting, the peer is nil. Without it, errors are
-- written to standard error, except those of the two limits above;
-- `grace`: seconds, by default 5;
-- `stop`: a channel; a value in it, or closing it, ends the server;
-- `signals`: a list in place of SIGTERM and SIGINT, or false for none. The
-- handlers from before are put back at the end;
-- `listen`: options for `listen`
-- @treturn string what ended it: the signal's name, or `"stop"`
-- @raise what `listen` raises; ECANCELED where the task was cancelled;
-- ETIMEDOUT with `timeout`; any other error of accepting
-- @usage
-- sockeye.serve("*:7777", function(stream)
--   for line in stream:lines() do stream:write(line, "\n") end
-- end)
function M.serve(endpoints, handler, options)
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
    signals = list_signals(options.signals),
    stop_channel = options.stop,
    listen = options.listen,
    count = 0, waiting = {}, listeners = {}, files = {},
  }, Server)
  if pcall(primitives.current_task, "serve") then
    return serve(server, endpoints)
  end
  return core.run(serve, server, endpoints)
end

return M
