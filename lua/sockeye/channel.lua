-- Channels: tasks hand values to tasks, in order.

local arguments = require "sockeye.arguments"
local class = require "sockeye.class"

local primitives <const> = require("sockeye.core").primitives
primitives.mark_library_file()
local park <const>, unpark <const> = primitives.park, primitives.unpark

local methods <const> = {}
local Channel <const> = class.new("sockeye.Channel", methods)

-- ---- queues of waiting tasks ----

-- A queue holds a token for each task, those of tasks that gave up included;
-- `live` counts the others.
local function new_queue()
  return { first = 1, last = 0, live = 0 }
end

local function wake(queue)
  while queue.first <= queue.last do
    local token = queue[queue.first]
    queue[queue.first] = nil
    queue.first = queue.first + 1
    if unpark(token.task, token) then
      queue.live = queue.live - 1
      return
    end
  end
end

local function wake_all(queue)
  while queue.first <= queue.last do
    wake(queue)
  end
end

-- Counts a task that gives up. Its token stays behind; such tokens are dropped
-- before they outnumber the others.
local function leave(queue)
  queue.live = queue.live - 1
  if queue.last - queue.first < 2 * queue.live + 8 then
    return
  end
  local kept = 0
  for i = queue.first, queue.last do
    local token <const> = queue[i]
    queue[i] = nil
    if not token.gone then
      kept = kept + 1
      queue[kept] = token
    end
  end
  queue.first, queue.last = 1, kept
end

local function enter(queue, call)
  local token <const> = { task = primitives.current_task(call) }
  queue.last = queue.last + 1
  queue[queue.last] = token
  queue.live = queue.live + 1
  return token
end

local function wait(queue, token, call)
  local ok, err = pcall(park, token, call)
  if not ok then
    token.gone = true
    leave(queue)
    error(err, 0)
  end
end

-- ---- the channel ----

local M = {}

--- Create a channel between tasks.
-- @function channel
-- @number[opt=0] capacity how many values it holds before `put` waits;
-- `math.huge` sets no limit
-- @treturn Channel
-- @raise argument error for a negative capacity
-- @usage
-- local jobs = sockeye.channel(10)
-- sockeye.spawn(function() for job in jobs:values() do work(job) end end)
function M.channel(capacity)
  capacity = capacity or 0
  arguments.check("channel", 1, capacity, "number")
  return setmetatable({
    capacity = capacity,
    count = 0,
    first = 1,
    values_in = {},
    putters = new_queue(),
    getters = new_queue(),
    closed = false,
  }, Channel)
end

--- Put a value into the channel.
-- Waits while the channel is full. A channel without capacity is full until a
-- task waits in `get`.
-- @function Channel:put
-- @param value any value but nil
-- @treturn Channel itself
-- @raise EPIPE for a closed channel; ECANCELED; ETIMEDOUT with `timeout`
function methods:put(value)
  if value == nil then
    arguments.raise("put", 1, "value expected, got nil")
  end
  local putters <const> = self.putters
  while not self.closed and
      self.count >= self.capacity + self.getters.live do
    wait(putters, enter(putters, "put"), "put")
  end
  if self.closed then
    primitives.raise("put", "EPIPE")
  end
  local place <const> = self.first + self.count
  self.values_in[place] = value
  self.count = self.count + 1
  wake(self.getters)
  return self
end

--- Take the next value out of the channel.
-- Waits until there is one.
-- @function Channel:get
-- @return the value; nil once the channel is closed and empty
-- @raise ECANCELED; ETIMEDOUT with `timeout`
function methods:get()
  local getters <const> = self.getters
  while self.count == 0 do
    if self.closed then
      return nil
    end
    local token <const> = enter(getters, "get")
    wake(self.putters)
    wait(getters, token, "get")
  end
  local first <const> = self.first
  local value <const> = self.values_in[first]
  self.values_in[first] = nil
  self.first = first + 1
  self.count = self.count - 1
  wake(self.putters)
  return value
end

--- Close the channel, so that nothing more can be put in.
-- What is inside can still be taken out. Closing twice does no harm.
-- @function Channel:close
-- @treturn Channel itself
function methods:close()
  self.closed = true
  wake_all(self.putters)
  wake_all(self.getters)
  return self
end

--- Iterate over the values, until the channel is closed and empty.
-- @function Channel:values
-- @treturn function
-- @usage for job in jobs:values() do … end
function methods:values()
  return function()
    return self:get()
  end
end

Channel.__close = methods.close

function Channel:__len()
  return self.count
end

function Channel:__tostring()
  return ("channel(%d of %s%s)"):format(self.count, self.capacity,
                                        self.closed and " closed" or "")
end

return M
