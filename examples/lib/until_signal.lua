-- Runs f(…) in a task, inside sockeye.run, until it returns, or is cancelled by
-- SIGINT or SIGTERM, which are waited for before it begins.

local sockeye = require "sockeye"

local function cancel_at(next_signal, g)
  next_signal()
  g:cancel()
end

return function(f, ...)
  local arguments <const> = table.pack(...)
  local next_signal <const>, _, _, _ <close> =
    sockeye.signals("SIGINT", "SIGTERM")
  sockeye.group(function(g)
    g:spawn_daemon(cancel_at, next_signal, g)
    f(table.unpack(arguments, 1, arguments.n))
  end)
end
