-- Groups of tasks, deadlines, and coroutines that may wait.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"

local primitives <const> = core.primitives
primitives.mark_library_file()

local M = {}

--- Run a function with a group of tasks, until it and all of them have ended.
-- The first of them that fails has the others cancelled, and its error is
-- raised when they have ended. When the calling task is cancelled, or its
-- deadline comes, so are they.
-- @function group
-- @func body called with the group: `g:spawn(f, …)` starts a task in it,
-- `g:cancel()` cancels all of them
-- @return what `body` returned
-- @raise the first error; outside of `run` an error that says so
-- @usage
-- sockeye.group(function(g)
--   for _, address in ipairs(addresses) do g:spawn(probe, address) end
-- end)
function M.group(body)
  arguments.check("group", 1, body, "function")
  local group <const> = primitives.group()
  return primitives.finish_group(group, pcall(body, group))
end

local function bounded(_ --[[deadline]], ...)
  return ...
end

--- Call a function under a deadline over everything that it does.
-- Deadlines nest: the first to come counts. Every call that waits beyond it
-- raises ETIMEDOUT, and so does every later one in the function. Works outside
-- of `run`, too.
-- @function timeout
-- @number seconds with fractions
-- @func f what is called
-- @param ... arguments for `f`
-- @return what `f` returned
-- @raise ETIMEDOUT with `timeout`; what `f` raises
-- @usage local line = sockeye.timeout(5, conn.read, conn, "l")
function M.timeout(seconds, f, ...)
  arguments.check("timeout", 1, seconds, "seconds")
  arguments.check("timeout", 2, f, "function")
  local deadline <close> = primitives.deadline(seconds)
  return bounded(deadline, f(...))
end

local function check(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

--- A function that resumes a coroutine, which may wait.
-- As `coroutine.wrap`, but where the coroutine waits inside a task, the task
-- does.
-- @function wrap
-- @func f what the coroutine runs
-- @treturn function raises what the coroutine raises
function M.wrap(f)
  arguments.check("wrap", 1, f, "function")
  local co <const> = coroutine.create(f)
  return function(...)
    return check(core.resume(co, ...))
  end
end

return M
