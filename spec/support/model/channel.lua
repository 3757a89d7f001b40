-- The channels of the model (model.lua): values and room go by direct hand-over
-- to the task that has waited longest.

local M = {}

local Channel <const> = {}
Channel.__index = Channel

function M.new(world, capacity)
  return setmetatable({
    world = world, capacity = capacity, values = {}, returned = {}, waits = 0,
    getters = {}, putters = {}, served_getters = {}, served_putters = {},
  }, Channel)
end

local function remove(list, value)
  for i, each in ipairs(list) do
    if each == value then return table.remove(list, i) end
  end
end

--- The task stops waiting: it is served no more.
function M.leave(t)
  local place <const> = t.place
  if place and not place.met then remove(place.queue, t) end
end

-- The task that has waited longest goes on, served or, where the channel is
-- closed, not.
local function meet(ch, queue, served, closed)
  local t <const> = table.remove(queue, 1)
  if not t then return end
  t.place.met = closed and "closed" or "served"
  if not closed then
    served[#served + 1] = t
    t.place.served = served
  end
  ch.world:wake(t)
  return t.place
end

-- A value that was given to a task that is killed before it runs goes to the
-- next one; or it comes first again, those of longer waits before others.
local function take_back(ch, place)
  local next_place <const> = meet(ch, ch.getters, ch.served_getters)
  if next_place then
    next_place.value = place.value
    return
  end
  local i = 1
  while ch.returned[i] and ch.returned[i].order < place.order do i = i + 1 end
  table.insert(ch.returned, i, place)
end

--- The task is killed before it has run.
function M.give_up(t)
  local place <const> = t.place
  if not (place and place.served) then return end
  remove(place.served, t)
  if place.served == place.channel.served_getters then
    take_back(place.channel, place)
  end
  place.served = nil
end

local function count(ch) return #ch.values + #ch.returned end

-- Returns "done", "closed", or nil where it would have to wait.
function Channel:give(value)
  if self.closed then return "closed" end
  local place <const> = meet(self, self.getters, self.served_getters)
  if place then
    place.value = value
  elseif count(self) < self.capacity then
    table.insert(self.values, value)
  else
    return nil
  end
  return "done"
end

function Channel:take()
  local returned <const> = table.remove(self.returned, 1)
  local value = returned and returned.value or table.remove(self.values, 1)
  if value ~= nil and count(self) >= self.capacity then return "done", value end
  local place <const> = meet(self, self.putters, self.served_putters)
  if place and value ~= nil then
    table.insert(self.values, place.value)
  elseif place then
    value = place.value
  end
  if value ~= nil then return "done", value end
  return self.closed and "closed" or nil
end

-- Behind all that have waited longer.
local function enter(queue, t)
  local i = #queue + 1
  while i > 1 and queue[i - 1].place.order > t.place.order do i = i - 1 end
  table.insert(queue, i, t)
end

-- Waits in the queue. Returns what has come, "served" or "closed".
local function wait(ch, call, queue, value, limit)
  local world <const> = ch.world
  local t <const> = world.running
  ch.waits = ch.waits + 1
  local place <const> = {
    channel = ch, queue = queue, value = value, order = ch.waits,
  }
  t.place = place
  while not place.met do
    world:check(t, call)
    if world.now >= limit then
      error({ code = "ETIMEDOUT", timeout = true, call = call }, 0)
    end
    enter(queue, t)
    world:wait_until(t, call, limit)
  end
  if place.served then remove(place.served, t) end
  place.served = nil
  return place
end

local function limit_from(world, seconds)
  return seconds and world.now + math.ceil(seconds * 1e9) or math.maxinteger
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

function Channel:put(value, seconds)
  local limit <const> = limit_from(self.world, seconds)
  begin(self, "put", self.served_putters)
  local outcome = self:give(value)
  if not outcome then
    outcome = wait(self, "put", self.putters, value, limit).met
  end
  if outcome == "closed" then error({ code = "EPIPE", call = "put" }, 0) end
end

function Channel:get(seconds)
  local limit <const> = limit_from(self.world, seconds)
  begin(self, "get", self.served_getters)
  local outcome, value = self:take()
  if not outcome then
    local place <const> = wait(self, "get", self.getters, nil, limit)
    if place.met == "served" then value = place.value end
  end
  return value
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
  return self:give(value) == "done"
end

function Channel:try_get()
  draw(self, "try_get")
  local _, value = self:take()
  return value
end

function Channel:close()
  self.closed = true
  while meet(self, self.putters, nil, true) do end
  while meet(self, self.getters, nil, true) do end
end

return M
