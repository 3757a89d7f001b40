-- Signals as a task sees them: one after the other, in a loop.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"

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
  local names <const> = table.pack(...)
  for i = 1, names.n do
    arguments.check("signals", i, names[i], "signal")
  end
  local before <const> = {}
  local release <const> = primitives.expect_outside_wakeup("signals")
  local closing <const> = setmetatable({}, {
    __close = function()
      restore(before)
      release()
    end,
  })
  local ok, err = pcall(function()
    for _, name in ipairs(names) do
      local handler <const> = core.signal(name, function(caught)
        come:put(caught)
      end)
      before[#before + 1] = { name = name, handler = handler }
    end
  end)
  if not ok then
    restore(before)
    release()
    error(err, 0)
  end
  return come:values(), nil, nil, closing
end

return M
