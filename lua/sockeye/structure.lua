-- Groups of tasks, deadlines, and coroutines that may wait.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"

local primitives <const> = core.primitives
primitives.mark_library_file()

local M = {}

--- Call a function with a group of tasks, and wait until all of them have
-- ended.
-- When a task of the group fails, the others are cancelled, and the first error
-- is raised once they have ended. When the calling task is cancelled, or its
-- deadline comes, the tasks of the group are cancelled.
-- @function group
-- @func body called with the group: `g:spawn(f, …)` starts a task in it,
-- `g:cancel()` cancels all of them
-- @return what `body` returned
-- @raise the first error; outside `run`, an error that says so
-- @usage
-- sockeye.group(function(g)
--   for _, address in ipairs(addresses) do g:spawn(probe, address) end
-- end)
function M.group(body)
  arguments.check("group", 1, body, "function")
  local group <const> = primitives.group()
  return primitives.finish_group(group, pcall(body, group))
end

--- Call a function with a deadline for everything that it does.
-- A call that still waits at the deadline raises ETIMEDOUT, and so does every
-- later call of the function that has to wait. Where deadlines nest, the
-- earliest counts. This works outside `run`, too.
-- @function timeout
-- @number seconds with fractions
-- @func f the function to call
-- @param ... arguments for `f`
-- @return what `f` returned
-- @raise ETIMEDOUT with `timeout`; what `f` raises
-- @usage local line = sockeye.timeout(5, conn.read, conn, "l")
function M.timeout(seconds, f, ...)
  arguments.check("timeout", 1, seconds, "seconds")
  arguments.check("timeout", 2, f, "function")
  local _ <close> = primitives.deadline(seconds)
  return f(...)
end

local function results(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

--- Make a function that resumes a coroutine, as `coroutine.wrap` does.
-- The coroutine may make calls that wait: inside a task, the task waits.
-- @function wrap
-- @func f the coroutine's function
-- @treturn function raises what the coroutine raises
function M.wrap(f)
  arguments.check("wrap", 1, f, "function")
  local co <const> = coroutine.create(f)
  return function(...)
    return results(core.resume(co, ...))
  end
end

return M
