-- The two worlds in which a call can be made: outside of every task, and in
-- one. The same spec is run in both.

local busted = require "busted"
local sockeye = require "sockeye"

local fork = require "spec.support.fork"

local M = {}

--- Declares a spec in each world. f is called with the name of its world,
-- "outside" or "inside".
function M.it(name, f)
  busted.it(name .. ", outside of a task", function() f "outside" end)
  busted.it(name .. ", in a task", function()
    sockeye.run(function() f "inside" end)
  end)
end

--- Runs f beside the spec: in another process, or in another task. Returns a
-- function that waits for its end, which has to be a good one.
function M.beside(world, f)
  if world == "inside" then
    local task = sockeye.spawn(f)
    return function() return task:join() end
  end
  local pid = fork.child(f)
  return function() fork.reap(pid) end
end

return M
