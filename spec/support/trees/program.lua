-- Random programs of tasks, made before they run, so that each can run twice:
-- by the library and by the model.
--
-- A program is a block, which is a list of actions; an action is a table with
-- its `kind`, an `id` of its own, and what the kind needs, other blocks for
-- one. Each runs once at most. What acts on a group or a task names its id.

local closing_waits = require "spec.support.closing_waits"

local random <const> = math.random

local M = {}

local most_actions <const>, deepest <const> = 100, 6
local ticks <const> = 1 << 22

local Program <const> = {}
Program.__index = Program

local function one_in(n) return random(n) == 1 end

local function one_of(list) return #list > 0 and list[random(#list)] or nil end

-- Seconds, of which so many ticks that no two sums are the same: whole ones of
-- the scale, whose multiples are exact.
function Program:seconds(most)
  return random(0, ticks * most) * self.scale
end

function Program:action(kind)
  self.count = self.count + 1
  return { kind = kind, id = self.count }
end

local make <const> = {}

function make:sleep(action)
  action.seconds = one_in(5) and 0 or self:seconds(2)
end

function make.yield() end

function make.left() end

function make.raise_again() end

function make:fail(action)
  if not one_in(3) then action.kind = "yield" end
  action.text = ("failure %d"):format(action.id)
end

local function member(self, depth)
  local made <const> = self:action "member"
  table.insert(self.tasks, made.id)
  made.is_daemon = one_in(6)
  made.body = self:block(depth)
  made.seconds = made.is_daemon and one_in(2) and self:seconds(1000) or nil
  return made
end

local function fill_group(self, action, count, depth)
  table.insert(self.groups, action.id)
  action.members = {}
  for i = 1, count do action.members[i] = member(self, depth) end
  action.body = self:block(depth)
end

function make:group(action, depth)
  fill_group(self, action, random(0, 3), depth)
end

function make:timeout(action, depth)
  action.seconds = one_in(8) and 0 or self:seconds(4)
  action.body = self:block(depth)
end

make.within = make.timeout

function make:shield(action, depth)
  action.seconds = self:seconds(3)
  action.body = self:block(depth)
end

-- Says goodbye however its body ends: a wait in a `<close>` variable.
function make:goodbye(action, depth)
  action.seconds = self:seconds(1)
  action.wait = self:action "sleep"
  action.wait.seconds = self:seconds(2)
  action.body = self:block(depth)
end

function make:swallow(action, depth) action.body = self:block(depth) end

make.pass = make.swallow

function make:spawn(action, depth) action.member = member(self, depth) end

function make:cancel(action)
  action.target = one_of(one_in(2) and self.groups or self.tasks)
end

function make:kill(action) action.target = one_of(self.tasks) end

function make:join(action) action.target = one_of(self.tasks) end

-- A generator that yields out of the scopes it has opened.
function make:generator(action, depth)
  action.parts, action.steps = {}, {}
  for i = 1, random(2) do
    local part <const> = self:action(one_of { "timeout", "group", "plain" })
    part.seconds = self:seconds(3)
    part.before = one_in(2) and self:block(depth) or {}
    if part.kind == "group" then part.member = member(self, depth) end
    part.after = self:block(depth)
    action.parts[i] = part
  end
  for i = 1, random(#action.parts + 1) do
    action.steps[i] = self:block(depth)
  end
end

-- What often fails, and would end the task each time.
local risky <const> = {
  group = true, timeout = true, shield = true, join = true, generator = true,
  put = true, get = true, select = true,
}

local function channel_action(self, action)
  action.channel = random(self.channels)
  action.seconds = not one_in(4) and self:seconds(2) or nil
  action.value = ("value %d"):format(action.id)
end

make.put, make.get, make.try_put, make.try_get =
  channel_action, channel_action, channel_action, channel_action

-- The channels are others, so that only what comes first counts.
function make:select(action)
  action.timeout = not one_in(4) and self:seconds(2) or nil
  action.gets = random(self.channels)
  if one_in(2) then
    action.puts = action.gets % self.channels + 1
    action.value = ("value %d"):format(action.id)
  end
  action.target = one_in(2) and one_of(self.tasks) or nil
end

function make:close_channel(action)
  action.channel = random(self.channels)
  if not one_in(4) then action.kind = "try_get" end
end

-- Lua before 5.4.3 cannot wait while a variable is closed.
local goodbye <const> = closing_waits.may_wait() and "goodbye" or "shield"

local names <const> = {
  "sleep", "sleep", "sleep", "yield", "yield", "left", "fail", "fail",
  "group", "group", "timeout", "within", "shield", goodbye, "swallow",
  "pass", "raise_again",
  "cancel", "cancel", "kill", "spawn", "join", "generator", "put", "put",
  "get", "get", "select", "select", "try_put", "try_get", "close_channel",
}

function Program:guard(action)
  local guard <const> = self:action(one_in(4) and "swallow" or "pass")
  guard.body = { action }
  return guard
end

function Program:block(depth)
  local block <const> = {}
  local count <const> = depth < deepest and random(3) or 1
  for i = 1, count do
    self.left = self.left - 1
    if self.left < 0 then break end
    local kind <const> = depth < deepest and names[random(#names)] or "sleep"
    local action <const> = self:action(kind)
    make[kind](self, action, depth + 1)
    block[i] = risky[kind] and not one_in(3) and self:guard(action) or action
  end
  return block
end

--- Makes the program of that seed, whose times are multiples of `scale`.
function M.new(seed, scale)
  math.randomseed(seed)
  local self <const> = setmetatable({
    scale = scale, count = 0, left = most_actions, groups = {}, tasks = {},
    channels = 3,
  }, Program)
  local main <const> = self:action "group"
  fill_group(self, main, random(3, 5), 1)
  return { block = { self:guard(main) }, capacities = { 0, 1, 3 } }
end

-- The names of what an action has, or a list: the plain ones first.
local function sorted_keys(value)
  local plain <const>, tables <const> = {}, {}
  for key, field in pairs(value) do
    table.insert(type(field) == "table" and tables or plain, key)
  end
  table.sort(plain)
  table.sort(tables)
  return plain, tables
end

local function write(name, value, indent)
  local plain <const>, tables <const> = sorted_keys(value)
  local line <const> = { indent .. name }
  for _, key in ipairs(plain) do
    table.insert(line, ("%s=%s"):format(key, value[key]))
  end
  print(table.concat(line, " "))
  for _, key in ipairs(tables) do write(key, value[key], indent .. "  ") end
end

--- Writes the program to standard output.
function M.show(program) write("program", program.block, "") end

return M
