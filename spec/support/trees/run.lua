-- Runs a program (program.lua) with the functions of the library, or of the
-- model, and notes how each action ends, and when. On the way it checks what
-- holds for every program:
--
-- - when a group returns, no task that was started in it is left, and none can
--   be started;
-- - where a cancellation is caught, the next wait raises it again;
-- - pcall of the library catches no cancellation of its own;
-- - a sleep lasts as long as it should;
-- - what comes out of a channel was put in, and comes out once.

local channels = require "spec.support.trees.channels"

local M = {}

local describe <const> = channels.describe

local Run <const> = {}
Run.__index = Run

-- ---- what is noted ----

function Run:note(action, what)
  local at <const> = self.api.now()
  self.log[action.id] = ("%s: %s at %d"):format(action.kind, what, at)
  self.trace("ends", action.id, self.log[action.id])
end

-- An error has been caught, raised by run, or reported.
function Run:see(err)
  local text <const> = describe(err)
  local seen <const> = self.failures[text]
  if seen then self.failures[text] = seen + 1 end
  assert(seen or type(err) ~= "string" or text == "deadlock", err)
end

-- What nothing refers to when the program has ended.
function Run:keep(object)
  table.insert(self.kept, object)
  return object
end

-- Call a function, and note how the action ends.
function Run:try(action, f, ...)
  local result <const> = table.pack(pcall(f, ...))
  if not result[1] then
    self:note(action, describe(result[2]))
    error(result[2], 0)
  end
  self:note(action, ("returned %s"):format(result[2]))
  return table.unpack(result, 2, result.n)
end

-- ---- what tasks do ----

local act <const> = setmetatable({}, { __index = channels.act })

function act:sleep(action)
  local before <const> = self.api.now()
  self:try(action, self.api.sleep, action.seconds)
  local passed <const> = self.api.now() - before
  assert(not self.exact or passed == action.seconds * 1e9,
         "a sleep has another length")
end

function act:yield(action) self:try(action, self.api.yield) end

function act:left(action) self:note(action, tostring(self.api.left())) end

function act:fail(action)
  self.failures[action.text] = 0
  error(action.text, 0)
end

local function is_inside(path, id)
  while path and path.id ~= id do path = path.outer end
  return path ~= nil
end

-- What a task does, which is alive meanwhile.
function Run:member(action, context)
  self.alive[action.id] = context.path
  self:keep((coroutine.running()))
  local _ <close> = setmetatable({}, { __close = function()
    self.alive[action.id] = nil
  end })
  self:act(action.body, context)
  if action.seconds then self.api.sleep(action.seconds) end
end

function Run:start(action, group)
  local path <const> = { id = action.id, outer = group.path }
  local spawn <const> = action.is_daemon and group.handle.spawn_daemon or
                        group.handle.spawn
  local ok, task = pcall(spawn, group.handle, self.try, self, action,
                         self.member, self, action,
                         { group = group, path = path, memory = {} })
  if ok then self.tasks[action.id] = self:keep(task) end
end

local function check_end(self, action, handle)
  for id, path in pairs(self.alive) do
    assert(not is_inside(path, action.id),
           ("task %d outlives group %d"):format(id, action.id))
  end
  assert(not pcall(handle.spawn, handle, print),
         "a group that has ended takes a task")
end

-- Call a function in a group, with a context.
function Run:in_group(action, context, f)
  local handle
  local result <const> = table.pack(pcall(self.api.group, function(g)
    handle = g
    self.groups[action.id] = self:keep(g)
    f({ handle = g, path = {
      id = action.id, outer = context.path, consumer = context.consumer,
    } })
    return "values"
  end))
  check_end(self, action, handle)
  if not result[1] then error(result[2], 0) end
  return result[2]
end

function act:group(action, context)
  self:try(action, self.in_group, self, action, context, function(group)
    for _, member in ipairs(action.members) do self:start(member, group) end
    self:act(action.body, {
      group = group, path = group.path, memory = context.memory,
    })
  end)
end

function act:timeout(action, context)
  self:try(action, self.api[action.kind], action.seconds, self.act, self,
           action.body, context)
end

act.within, act.shield = act.timeout, act.timeout

-- An error for which a variable is closed is lost with a task that is killed
-- there.
function act:goodbye(action, context)
  local _ <close> = setmetatable({}, { __close = function(_, err)
    local text <const> = describe(err)
    self.on_its_way[text] = true
    pcall(self.try, self, action, self.api.shield, action.seconds,
          act.sleep, self, action.wait)
    self.on_its_way[text] = nil
  end })
  self:act(action.body, context)
end

-- A wait after a cancellation that was caught raises it again.
local function check_level(self, err)
  if not self.api.is_canceled(err) then return end
  local ok, again = pcall(self.api.sleep, 0)
  assert(not ok and again.canceled, "a wait after a cancellation goes on")
end

function act:swallow(action, context)
  local ok, err = pcall(self.act, self, action.body, context)
  self:note(action, ok and "returned" or describe(err))
  if ok then return end
  self:see(err)
  context.memory.caught = err
  check_level(self, err)
end

function act:pass(action, context)
  local ok, err = self.api.pcall(self.act, self, action.body, context)
  self:note(action, ok and "returned" or describe(err))
  if ok then return end
  self:see(err)
  assert(not self.api.is_canceled(err), "pcall has caught a cancellation")
end

-- An error that was caught is raised once more: it is like any other then.
function act:raise_again(action, context)
  local err <const> = context.memory.caught
  self:note(action, describe(err))
  if err == nil then return end
  self.repeated[describe(err)] = true
  error(err, 0)
end

function act:spawn(action, context)
  if context.group then self:start(action.member, context.group) end
end

function act:cancel(action)
  local target <const> = self.tasks[action.target] or
                         self.groups[action.target]
  if target then target:cancel() end
end

-- A task in which the caller is, in a generator or not, is left alone.
function act:kill(action, context)
  local path = context.path or context.consumer
  while path and path.id ~= action.target do
    path = path.outer or path.consumer
  end
  local target <const> = not path and self.tasks[action.target]
  if target then target:kill() end
end

function act:join(action)
  local target <const> = self.tasks[action.target]
  if not target then return end
  local ok, err = pcall(self.try, self, action, target.join, target)
  if ok then return end
  self.repeated[describe(err)] = true
  error(err, 0)
end

-- ---- generators ----

local function do_part(self, part, context)
  self:act(part.before, context)
  coroutine.yield()
  self:act(part.after, context)
end

local parts <const> = { plain = do_part }

function parts:timeout(part, context)
  self:try(part, self.api.timeout, part.seconds, do_part, self, part, context)
end

function parts:group(part, context)
  self:try(part, self.in_group, self, part, context, function(group)
    self:start(part.member, group)
    do_part(self, part, {
      group = group, path = group.path, memory = context.memory,
    })
  end)
end

-- No group around its consumer waits for what is started in a generator.
function act:generator(action, context)
  local within <const> = {
    group = context.group, consumer = context.path or context.consumer,
    memory = context.memory,
  }
  local step <const> = self.api.wrap(function()
    self:keep((coroutine.running()))
    for _, part in ipairs(action.parts) do
      parts[part.kind](self, part, within)
    end
  end)
  for _, block in ipairs(action.steps) do
    self:try(action, step)
    self:act(block, context)
  end
end

-- ---- a program ----

function Run:act(block, context)
  for _, action in ipairs(block) do
    self.trace("begins", action.id, action.kind)
    act[action.kind](self, action, context)
  end
end

local function is_kill(err)
  return type(err) ~= "string" and err.call == "kill"
end

function Run:report(err)
  self.trace("reported", describe(err))
  if is_kill(err) then
    self.kills = self.kills + 1
  else
    self:see(err)
    local count <const> = self.reports[describe(err)] or 0
    self.reports[describe(err)] = count + 1
  end
end

local function ignore() end

--- Runs the program. Returns what it has noted, and `kept`, a weak list of the
-- objects that it has made. `exact`: the time of the functions passes in waits
-- alone. `trace` is called as each action begins and ends. `preferred`: what
-- select is to choose, by the ids of actions, where it has a choice.
function M.new(program, api, exact, trace, preferred)
  local self <const> = setmetatable({
    api = api, exact = exact, trace = trace or ignore, log = {},
    failures = {}, reports = {}, kills = 0, groups = {}, tasks = {},
    channels = {}, alive = {}, offered = {}, put = {}, got = {},
    repeated = {}, on_its_way = {}, chosen = {},
    preferred = preferred or {},
    kept = setmetatable({}, { __mode = "v" }),
  }, Run)
  for i, capacity in ipairs(program.capacities) do
    self.channels[i] = api.channel(capacity)
  end
  local ok, err = pcall(api.run, function()
    api.on_error(function(problem) self:report(problem) end)
    self:act(program.block, { memory = {} })
  end)
  if not ok then self:see(err) end
  self.outcome = ("%s at %d"):format(ok and "returned" or describe(err),
                                     api.now())
  channels.drain(self)
  self.tasks, self.groups, self.channels = nil, nil, nil
  return self
end

return M
