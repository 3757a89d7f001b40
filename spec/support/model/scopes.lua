-- The scopes of the model (model.lua), and how its tasks wait.

local channels = require "spec.support.model.channel"

local never <const> = math.maxinteger

local World <const> = { never = never, wait = {} }
World.__index = World

-- ---- errors ----

function World.canceled(call)
  return { code = "ECANCELED", canceled = true, call = call }
end

function World.timed_out(call)
  return { code = "ETIMEDOUT", timeout = true, call = call }
end

function World.is_cancellation(err)
  return type(err) == "table" and err.canceled == true
end

--- Whole nanoseconds, as the library rounds.
function World.nanoseconds(seconds) return math.ceil(seconds * 1e9) end

-- ---- scopes ----

local function outer(scope)
  local s = scope.outer
  while s and s.left do s = s.outer end
  return s
end

-- The next scope further out that counts.
local function around(scope)
  return (scope.kind ~= "shield" or scope.left) and outer(scope) or nil
end

function World:is_over(scope)
  while scope do
    if scope.canceled or scope.deadline <= self.now then return true end
    scope = around(scope)
  end
  return false
end

function World.limit_of(scope)
  local limit = never
  while scope do
    limit = math.min(limit, scope.deadline)
    scope = around(scope)
  end
  return limit
end

function World.is_inside(scope, top)
  while scope and scope ~= top do scope = outer(scope) end
  return scope == top
end

function World:stops(t) return t.killed or self:is_over(t.scope) end

-- ---- what wakes tasks ----

-- A scope is put into another one, as the first of those that are in it.
function World:put(scope, into)
  self.last_order = self.last_order + 1
  scope.order, scope.outer = self.last_order, into
end

-- The way from a scope out to `top`, outermost first; nil: `top` does not count
-- there.
local function way_from(top, scope)
  local way <const> = {}
  while scope and scope ~= top do
    table.insert(way, 1, scope.order)
    scope = around(scope)
  end
  return scope and way
end

-- In the order of a walk from each scope into those that are in it.
local function comes_before(a, b)
  for i, order in ipairs(a.way) do
    local other <const> = b.way[i]
    if order ~= other then return other ~= nil and order > other end
  end
  return #a.way < #b.way
end

-- What is around the scope has changed: wake the tasks in it whose code is
-- over, and owners of groups for which a deadline counts now.
function World:refresh(scope)
  local list <const> = {}
  for _, t in ipairs(self.tasks) do
    local over <const> = self:stops(t)
    t.way = way_from(scope, t.scope)
    if t.way and over then t.budget = 0 end
    if t.way and t.status == "waiting" and
       (over or t.finishes and World.limit_of(t.scope) < never) then
      table.insert(list, t)
    end
  end
  table.sort(list, comes_before)
  for _, t in ipairs(self.order(list)) do self:wake(t) end
end

function World:cancel(scope)
  if scope.canceled then return end
  scope.canceled = true
  self:refresh(scope)
end

function World:enter(kind, seconds)
  local t <const> = self.running
  local scope <const> = { kind = kind, opener = t.top, deadline = never }
  self:put(scope, t.scope)
  if seconds then
    scope.deadline = self.now + World.nanoseconds(seconds)
    scope.canceled = seconds == 0
  end
  t.scope = scope
  if self:stops(t) then t.budget = 0 end
  return scope
end

function World:leave(scope)
  local t <const> = self.running
  if scope.left then return end
  scope.left = true
  if t.scope ~= scope then return end
  t.scope = outer(scope)
  if self:stops(t) then t.budget = 0 end
end

-- What the error is that leaves a deadline or a shield, and whether its own
-- deadline has ended it.
function World:leave_with(scope, err)
  local ends <const> = not scope.left and scope.deadline <= self.now and
                       World.is_cancellation(err) and
                       not self:is_over(around(scope))
  self:leave(scope)
  return ends and World.timed_out(err.call) or err, ends
end

-- What is around the task makes a difference to what is in the scope.
function World:refresh_if_bound(t, scope)
  if self:stops(t) or World.limit_of(t.scope) < never then
    self:refresh(scope)
  end
end

-- The scopes that a coroutine has opened are in force while it runs.
function World:take_along(t, co)
  if t.scope.opener ~= co then return end
  local innermost <const> = t.scope
  local outermost = innermost
  while outer(outermost).opener == co do outermost = outer(outermost) end
  self.taken[co] = { outermost = outermost, innermost = innermost }
  t.scope = outer(outermost)
  outermost.outer = nil
  self:refresh_if_bound(t, outermost)
end

function World:put_back(t, co)
  local taken <const> = self.taken[co]
  if not taken then return end
  self.taken[co] = nil
  self:put(taken.outermost, t.scope)
  self:refresh_if_bound(t, taken.outermost)
  t.scope = taken.innermost
  if self:stops(t) then t.budget = 0 end
end

-- ---- waiting ----

-- The running task waits, or lets the others run first.
function World:suspend(t, call)
  if t.killed then error(World.canceled(call), 0) end
  coroutine.yield(World.wait)
end

function World:let_others(t, call)
  if not t.killed then
    t.status = "ready"
    table.insert(self.ready, t)
  end
  self:suspend(t, call)
end

function World:wait_until(t, call, limit)
  t.status, t.limit, t.timed_out = "waiting", limit, false
  self:suspend(t, call)
end

function World:wake(t)
  if t.status ~= "waiting" then return end
  t.status, t.limit = "ready", nil
  t.joins, t.finishes = nil, nil
  channels.leave(t)
  table.insert(self.ready, t)
end

-- Raises where the code of the task is over.
function World:check(t, call)
  if not self:stops(t) then return end
  t.budget = 0
  error(World.canceled(call), 0)
end

-- A call that may wait begins.
function World:begin(call)
  local t <const> = self.running
  self:check(t, call)
  t.budget = t.budget - 1
  if t.budget < 0 then
    self:let_others(t, call)
    self:check(t, call)
  end
  return t
end

return World
