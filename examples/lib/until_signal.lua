-- Runs f(…) as a task, inside sockeye.run, until it returns, or is cancelled
-- by SIGINT or SIGTERM, which are waited for before it begins.

local sockeye = require "sockeye"

return function(f, ...)
  local task
  local stopper = sockeye.spawn(function()
    for _ in sockeye.signals("SIGINT", "SIGTERM") do task:cancel() end
  end)
  task = sockeye.spawn(f, ...)
  local ok, err = pcall(task.join, task)
  stopper:cancel()
  if not ok and not sockeye.is_error(err, "ECANCELED") then error(err, 0) end
end
