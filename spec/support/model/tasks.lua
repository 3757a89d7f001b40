-- The groups and the tasks of the model (model.lua), and its generators.

local channels = require "spec.support.model.channel"
local World = require "spec.support.model.scopes"

local never <const>, wait <const> = World.never, World.wait
local canceled <const> = World.canceled
local is_cancellation <const> = World.is_cancellation
local is_inside <const> = World.is_inside
local calls_a_turn <const> = 64

local Group <const>, Task <const> = {}, {}
Group.__index, Task.__index = Group, Task

-- ---- groups ----

function World:note_end(group, t)
  group.count = group.count - 1
  if t.daemon then group.daemons = group.daemons - 1 end
  if group.finishing then self:end_daemons(group) end
  local owner <const> = group.owner
  if group.count == 0 and owner and owner.finishes == group then
    self:wake(owner)
  end
end

function World:end_daemons(group)
  if group.daemons > 0 and group.count == group.daemons then
    self:cancel(group.scope)
  end
end

function World:report(err)
  if self.reporter then self.reporter(err) end
end

function World:fail(group, err)
  if group.failed or group.ended then return self:report(err) end
  group.failed, group.failure = true, err
  self:cancel(group.scope)
end

function World:end_group(group)
  group.ended = true
  self:leave(group.scope)
end

-- The coroutine is closed before the group has ended.
function Group.__close(group)
  local world <const> = group.world
  if group.ended then return end
  world:kill_inside(group.scope)
  world:cancel(group.scope)
  if group.failed then world:report(group.failure) end
  world:end_group(group)
end

function World:new_group(scope)
  local group <const> = setmetatable({
    count = 0, daemons = 0, scope = scope, world = self,
  }, Group)
  table.insert(self.groups, group)
  return group
end

function World:finish(group, ok, ...)
  local t <const> = self.running
  local was_interrupted = false
  if not ok then
    if self:stops(t) and is_cancellation((...)) then
      was_interrupted = not group.scope.canceled
    else
      self:fail(group, (...))
    end
    self:cancel(group.scope)
  end
  group.finishing = true
  self:end_daemons(group)
  t.budget = t.budget - 1
  if t.budget < 0 and not t.killed then self:let_others(t, "group") end
  while group.count > 0 do
    t.status, t.finishes, group.owner = "waiting", group, t
    self:suspend(t, "group")
  end
  self:end_group(group)
  if group.failed then error(group.failure, 0) end
  if self:stops(t) or was_interrupted then
    error(ok and canceled "group" or (...), 0)
  end
  if ok then return ... end
end

function Group:spawn(f, ...) return self.world:spawn(self, f, ...) end

function Group:spawn_daemon(f, ...)
  local t <const> = self.world:spawn(self, f, ...)
  t.daemon = true
  self.daemons = self.daemons + 1
  return t
end

function Group:cancel()
  if not self.ended then self.world:cancel(self.scope) end
end

-- ---- tasks ----

function World:spawn(group, f, ...)
  if group.ended then error("spawn: the group has ended", 2) end
  local arguments <const> = table.pack(...)
  local t <const> = setmetatable({
    world = self, group = group, status = "ready", budget = 0, inner = {},
    ends = {},
  }, Task)
  t.co = coroutine.create(function()
    return f(table.unpack(arguments, 1, arguments.n))
  end)
  t.top = t.co
  t.own = { kind = "task", opener = t.co, deadline = never }
  self:put(t.own, group.scope)
  t.scope = t.own
  group.count = group.count + 1
  table.insert(self.tasks, t)
  table.insert(self.ready, t)
  return t
end

local function remove(list, value)
  for i, each in ipairs(list) do
    if each == value then return table.remove(list, i) end
  end
end

-- The tasks that wait for the end of t go on. Returns whether there are any.
function World:complete_joiners(t)
  local any <const> = channels.meet_all(self, t.ends)
  local list <const> = {}
  for _, other in ipairs(self.tasks) do
    if other.joins == t then table.insert(list, other) end
  end
  for _, other in ipairs(self.order(list)) do
    other.completed = true
    self:wake(other)
  end
  return any or #list > 0
end

function World:settle(t)
  remove(self.tasks, t)
  if t.unclaimed then self:fail(t.group, t.error) end
  t.own.left = true
  self:note_end(t.group, t)
end

-- An error waits until the tasks that join have run: one of them raises it, or
-- else it goes to the group.
function World:end_task(t, ok, ...)
  local err <const> = ...
  if t.killed then
    t.status = "killed"
  elseif ok then
    t.status, t.results = "done", table.pack(...)
  else
    local own <const> = is_cancellation(err) and self:is_over(t.scope)
    t.status, t.error = own and "cancelled" or "failed", err
  end
  t.unclaimed = t.status == "failed"
  if self:complete_joiners(t) and t.unclaimed then
    table.insert(self.ready, t)
  else
    self:settle(t)
  end
end

function World:resume(t)
  if t.status == "failed" then return self:settle(t) end
  t.status = "running"
  if not self:stops(t) then t.budget = calls_a_turn end
  self.running = t
  local result <const> = table.pack(coroutine.resume(t.co))
  self.running = nil
  if coroutine.status(t.co) == "dead" then
    self:end_task(t, table.unpack(result, 1, result.n))
  end
end

-- ---- to kill ----

local function can_be_killed(t)
  return not t.killed and (t.status == "ready" or t.status == "waiting")
end

-- A task in the scope that has none in it that can be killed.
function World:find_leaf(top)
  local found
  for _, t in ipairs(self.tasks) do
    if can_be_killed(t) and is_inside(t.own, top) and
       not (found and is_inside(found.own, t.own)) then
      found = t
    end
  end
  return found
end

function World:kill_one(t)
  local before <const> = self.running
  if t.status == "waiting" then self:wake(t) end
  t.killed, t.status, t.budget = true, "running", 0
  remove(self.ready, t)
  channels.give_up(t)
  self:report { code = "ECANCELED", call = "kill" }
  repeat
    t.top = t.inner[#t.inner] or t.co
    self.running = t
    local ok, err = coroutine.close(t.top)
    self.running = before
    if not ok then self:report(err) end
    table.remove(t.inner)
  until t.top == t.co
  self:end_task(t)
end

function World:kill_inside(scope)
  local t = self:find_leaf(scope)
  while t do
    self:kill_one(t)
    t = self:find_leaf(scope)
  end
end

local function has_ended(t)
  return t.results or t.error or t.status == "killed"
end

Task.has_ended = has_ended

function Task:cancel()
  if not has_ended(self) then self.world:cancel(self.own) end
end

function Task:kill()
  if has_ended(self) or self.killed then return end
  if self.status == "running" then error("kill: the task runs", 2) end
  self.world:kill_inside(self.own)
end

function Task:join()
  local world <const> = self.world
  local t <const> = world:begin "join"
  if self == t then error({ code = "EDEADLK", call = "join" }, 0) end
  t.completed = has_ended(self)
  while not (has_ended(self) and (t.completed or not world:stops(t))) do
    world:check(t, "join")
    t.joins, t.completed = self, false
    world:wait_until(t, "join", never)
  end
  if self.status == "done" then
    return table.unpack(self.results, 1, self.results.n)
  end
  self.unclaimed = false
  if self.status == "failed" then error(self.error, 0) end
  error({ code = "ECANCELED", call = "join", task = self }, 0)
end

-- ---- generators ----

function World:step(co, ...)
  local t <const> = self.running
  local before <const> = t.top
  table.insert(t.inner, co)
  t.top = co
  self:put_back(t, co)
  local result = table.pack(coroutine.resume(co, ...))
  while result[2] == wait and coroutine.status(co) == "suspended" do
    t.top = before
    coroutine.yield(wait)
    t.top = co
    result = table.pack(coroutine.resume(co))
  end
  t.top = before
  table.remove(t.inner)
  self:take_along(t, co)
  if not result[1] then error(result[2], 0) end
  if coroutine.status(co) ~= "dead" then
    return table.unpack(result, 2, result.n)
  end
  if not result[2] then error(result[3], 0) end
  return table.unpack(result, 3, result.n)
end

return World
