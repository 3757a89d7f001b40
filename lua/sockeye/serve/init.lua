-- Servers: a task for each connection.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local endpoints_of = require "sockeye.endpoint"
local group <const> = require("sockeye.structure").group
local listen <const> = require("sockeye.listen").listen
local signals_of = require "sockeye.serve.signals"

local primitives <const> = core.primitives
primitives.mark_library_file()

-- What is wrong with the option `signals`.
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
local pause <const> = 0.05 -- seconds, where the system has run out of something

local M = {}

local function set(...)
  local members <const> = {}
  for _, name in ipairs { ... } do members[name] = true end
  return members
end

-- What became of one connection before it was accepted (accept(2)).
local passing <const> = set("ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN",
                            "ENOPROTOOPT", "EHOSTDOWN", "ENONET",
                            "EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH")

-- What there may be more of in a while.
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

-- ---- how many at once ----

-- Waits, with those that came before, until there is room for a connection.
local function await_room(server)
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

-- There may be thousands of these tasks, so their stacks are kept small: what
-- is to be done at the end hangs on one variable, and an error is caught by the
-- task alone, which also keeps its traceback. A visit is the server, the
-- socket, then its stream, and the peer's address.
local Visit <const> = { __name = "sockeye.Visit" }
Visit.__index = Visit

-- What an error that has been reported becomes: a task that was cancelled does
-- no harm to its group.
local _, reported <const> = pcall(primitives.raise, "serve", "ECANCELED")

local function close(value, err)
  getmetatable(value).__close(value, err)
end

-- What the handler has spawned ends with it, or has failed it.
local function end_spawned()
  local spawned <const> = primitives.end_spawn_group()
  if spawned then primitives.finish_group(spawned:cancel(), true) end
end

-- Of several errors the first is told, but for a cancellation: that is how a
-- handler learns of the failure of a task that it has spawned.
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

local function attend(visit)
  local _ <close> = visit
  visit[2] = core.stream(visit[2])
  primitives.begin_spawn_group()
  visit[1].handler(visit[2], visit[3])
end

local function attend_limited(visit)
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
  await_room(server)
  server.group:spawn(server.limited and attend_limited or attend,
                     setmetatable({ server, socket, peer }, Visit))
  server.count = server.count + 1
  server.has_run_out = false
end

local function accept_each(server, listener)
  while true do
    await_room(server)
    local socket, peer = listener:accept()
    local ok, err = pcall(start, server, socket, peer)
    if not ok then
      socket:close()
      error(err, 0)
    end
  end
end

-- After an accept that failed: what it is about has passed when this returns.
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

local Server <const> = {}
Server.__index = Server

-- The first time is for the acceptors, the second for the handlers.
function Server:stop(reason)
  if self.reason then self.hurried = true end
  self.reason = self.reason or reason
  wake(self)
end

local function is_socket(value)
  local meta <const> = getmetatable(value)
  return type(value) == "userdata" and meta ~= nil and
    meta.__name == "sockeye.Socket"
end

-- Takes a listening socket over, or makes one; what it was made with is kept,
-- so that its file can be removed.
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

-- Nobody can connect from now on. A file that another server has put in the
-- place of ours is not ours.
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

-- The handlers have until the end of the grace.
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
    pcall(core.yield) -- one that has not begun could not close its stream
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

--- Serve every connection to one or several endpoints by a task of its own.
-- The handler is called with the stream and the peer's address; when it ends,
-- the tasks that it has spawned are cancelled and the stream is closed, whoever
-- else holds it. One of those tasks that fails ends the handler, too. Outside
-- of `run` the loop is run here; inside a task this is the task's wait.
--
-- It ends at SIGTERM or SIGINT, when `stop` says so, or when the task that
-- serves is cancelled: it stops accepting, gives the handlers `grace` seconds
-- to end, and cancels those that have not. The second signal cancels at once.
--
-- A connection that fails before it is accepted is passed over. Where
-- descriptors or memory have run out (EMFILE, ENFILE, ENOBUFS, ENOMEM), that is
-- reported once, and accepting goes on when there are some again.
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
-- traceback; the peer is nil for an error of accepting. Without it they go to
-- standard error, except for what the two limits above have ended;
-- `grace`: seconds, 5 unless given;
-- `stop`: a channel; a value in it, or its end, is a reason to end;
-- `signals`: a list in place of SIGTERM and SIGINT; false is none. Their
-- handlers are put back at the end;
-- `listen`: options for `listen`
-- @treturn string what ended it: the signal's name, or `"stop"`
-- @raise what `listen` raises; ECANCELED where the task was cancelled;
-- ETIMEDOUT with `timeout`; what goes wrong in accepting, other than the above
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
