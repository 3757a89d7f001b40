-- The two worlds in which a call can be made: outside of every task, and in
-- one. The same spec is run in both.

local busted = require "busted"
local sockeye = require "sockeye"

local fork = require "spec.support.fork"

local M = {}

-- tools/world.lua has each spec run in a task already.
local world_is_task <const> = os.getenv "SPEC_WORLD" == "task"

--- Runs f in a task.
function M.in_task(f)
  if world_is_task then return f() end
  return sockeye.run(f)
end

--- Declares a spec in each world. f is called with the name of its world,
-- "outside" or "inside".
function M.it(name, f)
  if not world_is_task then
    busted.it(name .. ", outside of a task", function() f "outside" end)
  end
  busted.it(name .. ", in a task", function()
    M.in_task(function() f "inside" end)
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

--- Where a call may be made: names, and what runs a function there.
M.pollers = {
  { "outside of a task", function(f) return f() end },
  { "in a task (epoll)", function(f)
    return sockeye.run({ poller = "epoll" }, f)
  end },
  { "in a task (poll)", function(f)
    return sockeye.run({ poller = "poll" }, f)
  end },
}

return M
