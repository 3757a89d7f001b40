-- A model of the rules of tasks: groups, deadlines, shields, generators and
-- cancellation, with the functions that the library has for them, and a clock
-- that moves when every task waits. It is written to be simple: what holds for
-- a task is looked up in the tree of scopes whenever it is asked for.
--
-- M.new(order) makes the functions. What wakes several tasks at once wakes them
-- in an order that is no rule: `order(list)` may rearrange it.

local World = require "spec.support.model.loop"
local channels = require "spec.support.model.channel"

local M = {}

local function end_scope(world, scope, ok, ...)
  if ok then return ... end
  error((world:leave_with(scope, (...))), 0)
end

local function end_within(world, scope, ok, ...)
  if ok then return true, ... end
  local err, ends = world:leave_with(scope, (...))
  if ends then return false end
  error(err, 0)
end

local function pass(world, ok, ...)
  if not ok and World.is_cancellation((...)) and world:stops(world.running) then
    error((...), 0)
  end
  return ok, ...
end

local function open(world, kind, seconds)
  local scope <const> = world:enter(kind, seconds)
  return setmetatable(scope, {
    __close = function(_, err) world:leave_with(scope, err) end,
  })
end

local functions <const> = {}

function functions.group(world, body)
  local group <close> = world:new_group(world:enter "group")
  return world:finish(group, pcall(body, group))
end

function functions.timeout(world, seconds, f, ...)
  local scope <close> = open(world, "deadline", seconds)
  return end_scope(world, scope, pcall(f, ...))
end

function functions.within(world, seconds, f, ...)
  local scope <close> = open(world, "deadline", seconds)
  return end_within(world, scope, pcall(f, ...))
end

function functions.shield(world, seconds, f, ...)
  local scope <close> = open(world, "shield", seconds)
  return end_scope(world, scope, pcall(f, ...))
end

function functions.pcall(world, f, ...) return pass(world, pcall(f, ...)) end

function functions.is_canceled(world, err)
  return World.is_cancellation(err) and world:stops(world.running)
end

function functions.sleep(world, seconds)
  local limit <const> = world.now + World.nanoseconds(seconds)
  local t <const> = world:begin "sleep"
  repeat
    world:check(t, "sleep")
    world:wait_until(t, "sleep", limit)
  until world.now >= limit
end

function functions.yield(world)
  local t <const> = world.running
  world:let_others(t, "yield")
  world:check(t, "yield")
end

function functions.wrap(world, f)
  local co <const> = coroutine.create(function(...)
    return pcall(f, ...)
  end)
  return function(...) return world:step(co, ...) end
end

-- Nanoseconds; or nil.
function functions.left(world)
  local limit <const> = World.limit_of(world.running.scope)
  return limit < World.never and math.max(limit - world.now, 0) or nil
end

function functions.now(world) return world.now end

function functions.on_error(world, f) world.reporter = f end

function functions.run(world, ...) return world:run(...) end

function functions.select(world, choices, preferred)
  return channels.select(world, choices, preferred)
end

function functions.channel(world, capacity)
  return channels.new(world, capacity)
end

--- Makes the functions of a world of its own, whose clock begins at `now`.
function M.new(now, order)
  local world <const> = setmetatable({
    now = now, order = order, tasks = {}, ready = {}, groups = {}, taken = {},
    last_order = 0, waits = 0,
  }, World)
  local api <const> = {}
  for name, f in pairs(functions) do
    api[name] = function(...) return f(world, ...) end
  end
  return api
end

return M
