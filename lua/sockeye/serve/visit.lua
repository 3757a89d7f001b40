-- A visit: what a server holds for a connection, and the task that serves it.

local core = require "sockeye.core"
local class = require "sockeye.class"
local errors = require "sockeye.serve.errors"

local primitives <const> = core.primitives
primitives.mark_library_file()
local explain <const>, caught <const> = errors.explain, errors.caught
local report <const>, starved <const> = errors.report, errors.starved

local M = {}

--- Wakes the task that serves, if it waits.
function M.wake(server)
  if server.task then primitives.unpark(server.task, server) end
end

-- There may be thousands of these tasks, so their stacks are kept small: a
-- <close> variable does all that is due at the end, and no pcall stands between
-- the handler and its task, which keeps the traceback of an error. Two more
-- <close> variables, of the same visit, free its place and close its stream
-- where the first has not the memory to. A visit holds the server, or false
-- once it has left; the socket, which its stream replaces; the peer's address;
-- whether the handler has returned; how often it has been closed; the server's
-- on_error, if it has one; and the field `deadline`.
local Visit <const> = class.new "sockeye.Visit"

-- Needs no memory.
local function leave(visit)
  local server <const> = visit[1]
  if not server then return end
  visit[1] = false
  server.count = server.count - 1
  if server.reason and server.count == 0 then M.wake(server) end
  while server.waiting[1] do
    local token <const> = table.remove(server.waiting, 1)
    if primitives.unpark(token.task, token) then return end
  end
end

-- Of a visit whose task could not end it for want of memory.
Visit.__gc = leave

-- As a function, it reports an error of the handler's tasks which nothing
-- raises.
function Visit:__call(err, _, traceback)
  self[6](err, self[3], traceback or "")
end

-- Replaces an error that has been reported.
local reported <const> = "reported"

-- Closes the value as an error does that leaves a scope: without waiting.
local function drop(value)
  local _ <close> = value
  error(reported, 0)
end

-- Ends the tasks that the handler has spawned. Raises the error of one that has
-- failed.
local function end_spawned()
  local spawned <const> = primitives.end_spawn_group()
  if spawned then primitives.finish_group(spawned, true) end
end

-- Ends the tasks, then closes the stream. Returns whether nothing failed; and
-- otherwise what did, where it is not the handler; and whether the client had
-- gone, nil where the handler has closed the stream.
local function finish(visit)
  local stream <const> = visit[2]
  local ok, problem = xpcall(end_spawned, primitives.explain_group)
  if ok and visit[4] then
    ok, problem = xpcall(stream.close, explain, stream)
    if ok then return true end
    return false, caught(problem), true
  end
  local has_hung_up <const> = primitives.has_hung_up(stream)
  pcall(drop, stream)
  return false, not ok and caught(problem) or nil, has_hung_up
end

-- Reports the first error: that of the handler, unless it is a cancellation,
-- which is how the failure of a spawned task reaches its handler.
local function report_visit(server, visit, err, problem, traceback, hung_up)
  local canceled <const> = errors.is_cancellation(err)
  local what
  if visit[4] or canceled and problem then
    what = problem
  elseif canceled then
    return
  else
    local task <const> = primitives.current_task("serve")
    what = { err = err, traceback = traceback or task:traceback() or "" }
  end
  what.is_everyday = errors.is_reset(what.err, hung_up)
  report(server, what, visit[3])
end

-- Ends a visit whose handler has returned or raised `err`, which has that
-- traceback; nil: that of the task. Releases first: nothing but the reports
-- depends on there being memory.
local function close(self, err, traceback)
  local _ <close> = self[2]
  local server <const> = self[1]
  local called, fine, problem, hung_up = pcall(finish, self)
  if self.deadline then
    local ok, left = pcall(primitives.leave, self.deadline, err)
    if ok then err = left end
  end
  leave(self)
  if called and fine or primitives.is_killed() then return end
  if not called then problem = starved end
  if not pcall(report_visit, server, self, err, problem, traceback,
               hung_up) then
    pcall(report, server, starved, self[3])
  end
  primitives.forgive()
  error(reported, 0)
end

-- The first call ends the visit. If that raises an error of its own, for want
-- of memory, the next ones do what needs none, and report nothing. As tail
-- calls, they go no deeper into the stack than the handler did.
function Visit:__close(err)
  local calls <const> = self[5] + 1
  self[5] = calls
  if calls == 1 then return close(self, err) end
  if not err or err == reported then return end
  if calls == 2 then return leave(self) end
  primitives.forgive()
  return drop(self[2])
end

local function handle(visit)
  local _ <close> = visit
  local _ <close> = visit
  local _ <close> = visit
  visit[2] = core.stream(visit[2])
  primitives.begin_spawn_group(visit[6] and visit)
  visit[1].handler(visit[2], visit[3])
  visit[4] = true
end

local function handle_with_limits(visit)
  local _ <close> = visit
  local _ <close> = visit
  local _ <close> = visit
  local server <const> = visit[1]
  if server.handler_timeout then
    visit.deadline = primitives.open_deadline(server.handler_timeout,
                                              "handler_timeout")
  end
  visit[2] = core.stream(visit[2])
  if server.idle_timeout then
    primitives.limit_idle(visit[2], server.idle_timeout)
  end
  primitives.begin_spawn_group(visit[6] and visit)
  server.handler(visit[2], visit[3])
  visit[4] = true
end

-- Whether a function may wait while Lua closes a variable, and may replace the
-- error for which that is closed: since Lua 5.4.3.
local function closes_as_called()
  local Waiting <const> = class.new "sockeye.Waiting"
  Waiting.__close = coroutine.yield
  local thread <const> = coroutine.create(function()
    local _ <close> = setmetatable({}, Waiting)
  end)
  return (coroutine.resume(thread))
end

-- Returns a function that does what `f` does with a visit, and then calls what
-- ends the visit.
local function closed_by_call(f)
  return function(visit)
    local _ <close> = visit -- while there is memory for them
    local _ <close> = visit
    local _ <close> = visit
    local ok, problem = xpcall(f, explain, visit)
    visit[5] = 1
    if ok then return close(visit) end
    problem = caught(problem)
    close(visit, problem.err, problem.traceback)
  end
end

if not closes_as_called() then
  -- Its handler is killed; or it has been closed, with an error for want of
  -- memory, which nobody has reported.
  Visit.__close = function(visit, err)
    local is_killed <const> = primitives.is_killed()
    if not is_killed and visit[5] == 0 then return end
    local is_due <const> = is_killed or err and err ~= reported
    if is_due then primitives.forgive() end
    leave(visit)
    if not is_due then return end
    local _, problem <const> = pcall(drop, visit[2])
    if problem ~= reported then pcall(visit[2].close, visit[2]) end
  end
  handle = closed_by_call(handle)
  handle_with_limits = closed_by_call(handle_with_limits)
end

--- Starts the task that serves a connection.
function M.start(server, socket, peer)
  local visit <const> = setmetatable({ server, socket, peer, false, 0 }, Visit)
  visit[6] = server.on_error
  server.count = server.count + 1
  local ok, err = pcall(server.group.spawn, server.group,
                        server.limited and handle_with_limits or handle, visit)
  if not ok then
    leave(visit)
    error(err, 0)
  end
end

return M
