-- Random trees of tasks, groups, deadlines, shields and generators, in which
-- tasks fail, are cancelled and killed, and swallow errors; and what holds for
-- each of them, whatever its tasks do:
--
-- - when a group returns, none of its tasks is left, and none can be started;
-- - each error is caught, raised or reported exactly once;
-- - where a cancellation is caught, the next wait raises it again;
-- - sockeye.pcall catches no cancellation of its own.

local sockeye = require "sockeye"

local random <const> = math.random

local M = {}

local Tree <const> = {}
Tree.__index = Tree

local most_actions <const>, deepest <const> = 60, 5

-- A few milliseconds, in seconds.
local function moment(least, most) return random(least, most) / 1000 end

local function one_in(n) return random(n) == 1 end

-- ---- what is checked ----

function Tree:note(err)
  if type(err) == "string" then
    assert(self.failures[err], err)
    self.failures[err] = self.failures[err] + 1
  else
    assert(sockeye.is_error(err), err)
    assert(err.code == "ECANCELED" or err.timeout, tostring(err))
  end
end

local function check_level(err)
  if not sockeye.is_canceled(err) then return end
  local ok, again = pcall(sockeye.sleep, 0)
  assert(not ok and again.canceled, "a wait after a cancellation goes on")
end

-- ---- what tasks do ----

local actions <const> = {}

function actions.sleep() sockeye.sleep(moment(0, 2)) end

function actions.yield() sockeye.yield() end

function actions:fail()
  if not one_in(3) then return end
  self.count = self.count + 1
  local err <const> = ("failure %d"):format(self.count)
  self.failures[err] = 0
  error(err, 0)
end

-- What a task of a group does, which counts the tasks that are alive.
function Tree:member(alive, depth, group, is_daemon)
  alive.count = alive.count + 1
  local _ <close> = setmetatable({}, { __close = function()
    alive.count = alive.count - 1
  end })
  self:act(depth, group)
  if is_daemon and one_in(2) then sockeye.sleep(1000) end
end

function Tree:start(alive, depth, group)
  local is_daemon <const> = one_in(6)
  local spawn <const> = is_daemon and group.spawn_daemon or group.spawn
  local ok, task = pcall(spawn, group, self.member, self, alive, depth, group,
                         is_daemon)
  if ok then table.insert(self.tasks, task) end
end

function actions:group(depth)
  local alive <const>, group = { count = 0 }, nil
  local ok, err = pcall(sockeye.group, function(g)
    group = g
    table.insert(self.groups, g)
    for _ = 1, random(0, 3) do self:start(alive, depth, g) end
    self:act(depth, g)
  end)
  assert(alive.count == 0, "a task outlives its group")
  assert(not group or not pcall(group.spawn, group, print),
         "a group that has ended takes a task")
  if not ok then error(err, 0) end
end

function actions:timeout(depth, group)
  sockeye.timeout(moment(0, 4), self.act, self, depth, group)
end

function actions:within(depth, group)
  sockeye.within(moment(0, 4), self.act, self, depth, group)
end

function actions:shield(depth, group)
  sockeye.shield(moment(1, 3), self.act, self, depth, group)
end

function actions:swallow(depth, group)
  local ok, err = pcall(self.act, self, depth, group)
  if ok then return end
  self:note(err)
  check_level(err)
end

function actions:pass(depth, group)
  local ok, err = sockeye.pcall(self.act, self, depth, group)
  if ok then return end
  self:note(err)
  assert(not sockeye.is_canceled(err), "pcall has caught a cancellation")
end

local function one_of(list) return list[random(math.max(#list, 1))] end

function actions:cancel()
  local target <const> = one_of(one_in(2) and self.groups or self.tasks)
  if target and one_in(3) then target:cancel() end
end

function actions:kill()
  local task <const> = one_of(self.tasks)
  if task and one_in(4) then pcall(task.kill, task) end
end

function actions:spawn(depth, group)
  if group then self:start({ count = 0 }, depth, group) end
end

-- A generator that yields out of the scopes it has opened.
function Tree:generate(depth, group)
  local function yield_and_act(g)
    coroutine.yield()
    self:act(depth, g)
  end
  for _ = 1, 2 do
    local kind <const> = random(3)
    if kind == 1 then
      sockeye.timeout(moment(1, 3), yield_and_act, group)
    elseif kind == 2 then
      sockeye.group(function(g)
        g:spawn(self.act, self, depth, g)
        yield_and_act(g)
      end)
    else
      yield_and_act(group)
    end
  end
end

function actions:generator(depth, group)
  local step <const> = sockeye.wrap(function() self:generate(depth, group) end)
  for _ = 1, random(3) do
    step()
    self:act(depth, group)
  end
end

local names <const> = {
  "sleep", "sleep", "yield", "yield", "fail", "group", "group", "timeout",
  "within", "shield", "swallow", "pass", "cancel", "kill", "spawn",
  "generator",
}

function Tree:act(depth, group)
  if depth == deepest then return actions.sleep() end
  for _ = 1, random(3) do
    self.left = self.left - 1
    if self.left < 0 then return end
    actions[names[random(#names)]](self, depth + 1, group)
  end
end

-- ---- a tree ----

local function is_kill(err)
  return sockeye.is_error(err) and err.call == "kill"
end

--- Runs the tree of that seed. Raises what does not hold.
function M.run(seed, poller)
  math.randomseed(seed)
  local tree <const> = setmetatable({
    failures = {}, count = 0, left = most_actions, groups = {}, tasks = {},
  }, Tree)
  local ok, err = pcall(sockeye.run, { poller = poller }, function()
    sockeye.on_error(function(reported)
      if not is_kill(reported) then tree:note(reported) end
    end)
    tree:act(0)
  end)
  if not ok then tree:note(err) end
  collectgarbage()
  collectgarbage()
  for failure, seen in pairs(tree.failures) do
    assert(seen == 1, ("%s is seen %d times"):format(failure, seen))
  end
end

--- Runs so many trees from a seed on. Returns nil; or what went wrong, with the
-- seed.
function M.run_all(first, count, poller)
  for seed = first, first + count - 1 do
    local ok, problem = xpcall(M.run, debug.traceback, seed, poller)
    if not ok then return ("seed %d: %s"):format(seed, problem) end
  end
end

-- lua5.4 spec/support/trees.lua SEED COUNT [POLLER]
if arg and arg[0] and arg[0]:find "trees%.lua$" then
  local problem <const> = M.run_all(math.tointeger(arg[1]),
                                    math.tointeger(arg[2]), arg[3])
  print(problem or arg[2] .. " trees")
  os.exit(not problem)
end

return M
