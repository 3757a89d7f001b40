-- Signals as the iterations of a loop in a task.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local class = require "sockeye.class"

local primitives <const> = core.primitives
primitives.mark_library_file()

local M = {}

-- Puts all handlers back, the last one first: a signal may be named twice.
-- Raises the first error at the end.
local function restore(before)
  local ok, err = true, nil
  for i = #before, 1, -1 do
    local restored, problem = pcall(core.signal, before[i].name,
                                    before[i].handler)
    if ok then ok, err = restored, problem end
  end
  if not ok then error(err, 0) end
end

--- Iterate over signals as they arrive.
-- When the loop is left, the handlers from before it are put back.
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
  local arrived <const> = require("sockeye.channel").channel(math.huge)
  local names <const> = table.pack(...)
  for i = 1, names.n do
    arguments.check("signals", i, names[i], "signal")
  end
  local before <const> = {}
  local release <const> = primitives.expect_outside_wakeup("signals")
  local Closing <const> = class.new "sockeye.Signals"
  function Closing.__close()
    release()
    restore(before)
  end
  local closing <const> = setmetatable({}, Closing)
  local ok, err = pcall(function()
    for _, name in ipairs(names) do
      local handler <const> = core.signal(name, function(caught)
        arrived:put(caught)
      end)
      before[#before + 1] = { name = name, handler = handler }
    end
  end)
  if not ok then
    release()
    restore(before)
    error(err, 0)
  end
  return arrived:values(), nil, nil, closing
end

return M
