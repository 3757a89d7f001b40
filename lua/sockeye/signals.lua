-- Signals as the iterations of a loop in a task.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local class = require "sockeye.class"

local primitives <const> = core.primitives
primitives.mark_library_file()

local M = {}

-- What the loop closes: those who listen, by the signal's number, and where
-- what they hear is put.
local Closing <const> = class.new "sockeye.Signals"

-- Raises the first error at the end.
function Closing:__close()
  local ok, err = true, nil
  for number, listener in pairs(self.listeners) do
    self.listeners[number] = nil
    if listener then
      local stopped, problem = pcall(primitives.stop_listening, listener)
      if ok then ok, err = stopped, problem end
    end
  end
  if not ok then error(err, 0) end
end
Closing.__gc = Closing.__close

-- Listens to each of the signals, and only once to one that is named twice.
local function listen_to(names, closing)
  -- Whoever listens is kept, with this function, but not what the loop closes.
  local arrived <const> = closing.arrived
  local function hear(name) arrived:try_put(name) end
  for _, name in ipairs(names) do
    local number <const> = primitives.read_signal(name)
    if not closing.listeners[number] then
      closing.listeners[number] = false -- no memory is needed afterwards
      closing.listeners[number] = primitives.listen("signals", name, hear)
    end
  end
end

--- Iterate over signals as they arrive.
-- Any number of tasks may listen to one signal, beside its handler (`signal`):
-- all of them hear it. When the last has left its loop, in whatever order, the
-- signal does what it did before.
-- @function signals
-- @param ... names of signals, as `signal` takes them
-- @treturn function an iterator; each call waits for a signal and returns its
-- name
-- @return nil
-- @return nil
-- @return a value that the loop closes
-- @raise as `signal`; outside `run`, an error that says so
-- @usage
-- for name in sockeye.signals("SIGTERM", "SIGHUP") do
--   if name == "SIGTERM" then break end
--   reload()
-- end
function M.signals(...)
  local names <const> = table.pack(...)
  for i = 1, names.n do
    arguments.check("signals", i, names[i], "signal")
  end
  primitives.current_task "signals"
  local closing <const> = setmetatable({
    arrived = core.channel(math.huge), listeners = {},
  }, Closing)
  local ok, err = pcall(listen_to, names, closing)
  if not ok then
    Closing.__close(closing)
    error(err, 0)
  end
  -- It holds what the loop closes, which stops listening when it is collected.
  return function() return closing.arrived:get() end, nil, nil, closing
end

return M
