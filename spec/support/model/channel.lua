-- The channels of the model (model.lua), and select: values and room go by
-- direct hand-over to the task that has waited longest.
--
-- A wait of a task is a table with its places in queues, of which one is met.
-- The end of a task has a queue, too.

local M = {}

local Channel <const> = {}
Channel.__index = Channel

function M.new(world, capacity)
  return setmetatable({
    world = world, capacity = capacity, values = {}, returned = {},
    getters = {}, putters = {}, served_getters = {}, served_putters = {},
  }, Channel)
end

local function remove(list, value)
  for i, each in ipairs(list) do
    if each == value then return table.remove(list, i) end
  end
end

-- ---- queues ----

-- Behind all that have waited longer.
local function enter(wait)
  for _, place in ipairs(wait) do
    local queue <const> = place.queue
    local i = #queue + 1
    while i > 1 and queue[i - 1].wait.order > wait.order do i = i - 1 end
    table.insert(queue, i, place)
  end
end

--- The task stops waiting: its places are left.
function M.leave(t)
  for _, place in ipairs(t.wait or {}) do remove(place.queue, place) end
end

-- The task that has waited longest goes on: served, or as what it waits for has
-- ended. Returns its place.
local function meet(world, queue, served, ended)
  local place <const> = table.remove(queue, 1)
  if not place then return end
  place.wait.met, place.ended = place, ended
  if served then
    table.insert(served, place)
    place.served = served
  end
  world:wake(place.wait.task)
  return place
end

--- All tasks in the queue go on. Returns whether there are any.
function M.meet_all(world, queue)
  local any <const> = #queue > 0
  while meet(world, queue, nil, true) do end
  return any
end

-- A value that was given to a task that is killed before it runs goes to the
-- next one; or it comes first again, those of longer waits before others.
local function take_back(ch, place)
  local next_place <const> = meet(ch.world, ch.getters, ch.served_getters)
  if next_place then
    next_place.value = place.value
    return
  end
  local order <const> = place.wait.order
  local i = 1
  while ch.returned[i] and ch.returned[i].wait.order < order do i = i + 1 end
  table.insert(ch.returned, i, place)
end

--- The task is killed, perhaps before it has seen what it was given.
function M.give_up(t)
  local place <const> = t.wait and t.wait.met
  if not (place and place.served) then return end
  remove(place.served, place)
  if place.served == place.channel.served_getters then
    take_back(place.channel, place)
  end
  place.served = nil
end

-- The running task waits at its places until one is met, or until `limit`.
-- Returns the one that is met.
local function wait_at(world, call, wait, limit)
  local t <const> = wait.task
  if not wait.order then
    world.waits = world.waits + 1
    wait.order = world.waits
  end
  enter(wait)
  t.wait = wait
  world:wait_until(t, call, limit)
  local place <const> = wait.met
  if not place then return world:check(t, call) end
  if place.served then remove(place.served, place) end
  place.served = nil
  return place
end

local function limit_from(world, seconds)
  return seconds and world.now + world.nanoseconds(seconds) or world.never
end

-- ---- values ----

local function count(ch) return #ch.values + #ch.returned end

-- Returns "done", "closed", or nil where it would have to wait.
local function give(ch, value)
  if ch.closed then return "closed" end
  local place <const> = meet(ch.world, ch.getters, ch.served_getters)
  if place then
    place.value = value
  elseif count(ch) < ch.capacity then
    table.insert(ch.values, value)
  else
    return nil
  end
  return "done"
end

-- Returns as give does, and the value.
local function take(ch)
  local returned <const> = table.remove(ch.returned, 1)
  local value = returned and returned.value or table.remove(ch.values, 1)
  if value ~= nil and count(ch) >= ch.capacity then return "done", value end
  local place <const> = meet(ch.world, ch.putters, ch.served_putters)
  if place and value ~= nil then
    table.insert(ch.values, place.value)
  elseif place then
    value = place.value
  end
  if value ~= nil then return "done", value end
  return ch.closed and "closed" or nil
end

-- Whoever comes while those that were served have not gone on goes behind them.
local function begin(ch, call, served)
  local world <const> = ch.world
  local t <const> = world.running
  if #served > 0 then
    world:let_others(t, call)
    world:check(t, call)
  else
    world:begin(call)
  end
end

-- A task that was woken for nothing makes the attempt again: a scope was over,
-- which its generator has taken along meanwhile. Returns as the attempt does.
local function wait_in(ch, call, queue, value, limit, attempt)
  local world <const> = ch.world
  local wait <const> = { task = world.running }
  wait[1] = { wait = wait, channel = ch, queue = queue, value = value }
  world:check(wait.task, call)
  repeat
    local place <const> = wait_at(world, call, wait, limit)
    if place then return place.ended and "closed" or "done", place.value end
    if world.now >= limit then error(world.timed_out(call), 0) end
    local outcome <const>, got <const> = attempt(ch, value)
    if outcome then return outcome, got end
  until false
end

function Channel:put(value, seconds)
  local limit <const> = limit_from(self.world, seconds)
  begin(self, "put", self.served_putters)
  local outcome <const> = give(self, value) or
    wait_in(self, "put", self.putters, value, limit, give)
  if outcome == "closed" then error({ code = "EPIPE", call = "put" }, 0) end
end

function Channel:get(seconds)
  local limit <const> = limit_from(self.world, seconds)
  begin(self, "get", self.served_getters)
  local outcome, value = take(self)
  if not outcome then
    outcome, value = wait_in(self, "get", self.getters, nil, limit, take)
  end
  return outcome == "done" and value or nil
end

-- Calls that never wait let the others run first after many of them, and where
-- the code of their task is over.
local function draw(ch, call)
  local t <const> = ch.world.running
  if not t then return end
  t.budget = t.budget - 1
  if t.budget < 0 then ch.world:let_others(t, call) end
end

function Channel:try_put(value)
  draw(self, "try_put")
  return give(self, value) == "done"
end

function Channel:try_get()
  draw(self, "try_get")
  local _, value = take(self)
  return value
end

function Channel:close()
  self.closed = true
  M.meet_all(self.world, self.putters)
  M.meet_all(self.world, self.getters)
end

-- ---- select ----

local function is_channel(object) return getmetatable(object) == Channel end

-- What a choice is: where it waits, and with which value.
local function place_of(wait, choice)
  local channel <const> = is_channel(choice) and choice or choice[1]
  if not channel then
    return { wait = wait, task = choice, queue = choice.ends }
  end
  local value <const> = choice ~= channel and choice[2] or nil
  local queue <const> = value and channel.putters or channel.getters
  return { wait = wait, channel = channel, value = value, queue = queue }
end

local function is_put(place)
  return place.channel and place.queue == place.channel.putters
end

local function is_ready(place)
  local ch <const> = place.channel
  if not ch then return place.task:has_ended() end
  if ch.closed then return true end
  if is_put(place) then return count(ch) < ch.capacity or #ch.getters > 0 end
  return count(ch) > 0 or #ch.putters > 0
end

local function put_chosen(place, has_happened)
  local closed = place.ended
  if not has_happened then
    closed = give(place.channel, place.value) == "closed"
  end
  if closed then error({ code = "EPIPE", call = "select" }, 0) end
  return place.value
end

-- What was chosen happens, or has happened. Returns what came.
local function perform(place, has_happened)
  if not place.channel then
    place.task.unclaimed = false
    return place.task
  elseif is_put(place) then
    return put_chosen(place, has_happened)
  elseif has_happened then
    return place.value
  end
  local _, value = take(place.channel)
  return value
end

-- Of several that are ready, it is the preferred one, or any.
local function choose(world, wait, preferred)
  local ready <const> = {}
  if wait[preferred] and is_ready(wait[preferred]) then
    return wait[preferred]
  end
  for _, place in ipairs(wait) do
    if is_ready(place) then table.insert(ready, place) end
  end
  return world.order(ready)[1]
end

local function find(list, value)
  for i, each in ipairs(list) do
    if each == value then return i end
  end
end

function M.select(world, choices, preferred)
  local limit <const> = limit_from(world, choices.timeout)
  local wait <const> = { task = world.running }
  for i, choice in ipairs(choices) do
    wait[i] = place_of(wait, choice)
    if choice == wait.task then
      error({ code = "EDEADLK", call = "select" }, 0)
    end
  end
  world:begin "select"
  repeat
    local chosen <const> = choose(world, wait, preferred)
    if chosen then return find(wait, chosen), perform(chosen) end
    world:check(wait.task, "select")
    if wait.order and world.now >= limit then return nil end
    local met <const> = wait_at(world, "select", wait, limit)
    if met then return find(wait, met), perform(met, true) end
  until false
end

return M
