-- Signals as a task sees them: one after the other, in a loop.

local core = require "sockeye.core"
local options = require "sockeye.arguments"

local primitives <const> = core.primitives
primitives.mark_library_file()

local M = {}

-- The last that was set goes first: a signal may have been named twice.
local function restore(before)
  for i = #before, 1, -1 do
    core.signal(before[i].name, before[i].handler)
  end
end

--- Iterate over the signals that come.
-- Their handlers are put back when the loop is left.
-- @function signals
-- @param ... names of signals, as `signal` takes them
-- @treturn function an iterator; each turn waits for a signal and gives its
-- name
-- @raise as `signal`; outside of `run` an error that says so
-- @usage
-- for name in sockeye.signals("SIGTERM", "SIGHUP") do
--   if name == "SIGTERM" then break end
--   reload()
-- end
function M.signals(...)
  local come <const> = require("sockeye.channel").channel(math.huge)
  local before <const>, place = {}, 0
  local release <const> = primitives.expect_outside_wakeup("signals")
  local closing <const> = setmetatable({}, {
    __close = function()
      restore(before)
      release()
    end,
  })
  local ok, err = pcall(function(...)
    for i, name in ipairs { ... } do
      place = i
      local handler <const> = core.signal(name, function(caught)
        come:put(caught)
      end)
      before[#before + 1] = { name = name, handler = handler }
    end
  end, ...)
  if not ok then
    restore(before)
    release()
    options.rethrow("signals", place, err)
  end
  return come:values(), nil, nil, closing
end

return M
