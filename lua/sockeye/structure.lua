-- Groups of tasks, deadlines, and coroutines that may wait.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local class = require "sockeye.class"

local primitives <const> = core.primitives
primitives.mark_library_file()
local catch_origin <const>, is_c <const> = primitives.catch_origin,
                                           primitives.is_c

local M = {}

-- The end of a scope turns the error that leaves it. Where that closes the
-- scope's variable, no pcall stands in between, so that tracebacks show where
-- it was raised; elsewhere `catch_origin` keeps that for the task's traceback.
-- A function of C is never called by a Lua function of this file, whose line
-- its argument errors would name.

-- Whether an error of a `<close>` variable replaces the one for which it is
-- closed: since Lua 5.4.3.
local function closing_replaces()
  local Failing <const> = class.new "sockeye.Failing"
  function Failing.__close() error("new", 0) end
  local _, err = pcall(function()
    local _ <close> = setmetatable({}, Failing)
    error("old", 0)
  end)
  return err == "new"
end

local replaces <const> = closing_replaces()

local function results_in(scope, ok, ...)
  if ok then return ... end
  error((primitives.leave(scope, (...))), 0)
end

--- Call a function with a group of tasks, and wait until all of them have
-- ended.
-- When a task of the group fails, or the body does, the group is cancelled:
-- every wait in it raises ECANCELED. The first error is raised, unchanged, once
-- the tasks have ended; further ones are reported (`on_error`). When a scope
-- around the caller is over, so is the group.
-- @function group
-- @func body called with the group: `g:spawn(f, …)` starts a task in it,
-- `g:spawn_daemon(f, …)` one that is cancelled when only such are left, and
-- `g:cancel()` cancels the tasks and the body
-- @return what `body` returned; nothing if it was cancelled by `g:cancel()`
-- @raise the first error; ECANCELED with `canceled` if a scope further out is
-- over; outside `run`, an error that says so
-- @usage
-- sockeye.group(function(g)
--   for _, address in ipairs(addresses) do g:spawn(probe, address) end
-- end)
function M.group(body)
  arguments.check("group", 1, body, "function")
  local group <close> = primitives.group()
  return primitives.finish_group(group, xpcall(body, catch_origin, group))
end

--- Call a function with a deadline for everything that it does.
-- Once the deadline has come, every wait of the function raises ECANCELED with
-- `canceled`, and `timeout` turns the one that leaves it into ETIMEDOUT with
-- `timeout`. A function that returns gives its values, also after the deadline.
-- Where deadlines nest, the outermost that has come is the one that is turned.
-- This works outside `run`, too.
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
  local scope <close>, closes <const> = primitives.open_deadline(seconds)
  if closes and replaces and not is_c(f) then return f(...) end
  return results_in(scope, xpcall(f, catch_origin, ...))
end

local function results_within(scope, ok, ...)
  if ok then return true, ... end
  local err, has_ended = primitives.leave(scope, (...))
  if has_ended then return false end
  error(err, 0)
end

--- Call a function with a deadline, as `timeout` does, that is no error.
-- @function within
-- @number seconds with fractions
-- @func f the function to call
-- @param ... arguments for `f`
-- @treturn boolean true, followed by what `f` returned; false if the deadline
-- has ended it
-- @raise what `f` raises
-- @usage
-- local ok, line = sockeye.within(5, conn.read, conn, "l")
-- if not ok then conn:write("are you there?\n") end
function M.within(seconds, f, ...)
  arguments.check("within", 1, seconds, "seconds")
  arguments.check("within", 2, f, "function")
  local scope <close> = primitives.open_deadline(seconds, "within")
  return results_within(scope, xpcall(f, catch_origin, ...))
end

--- Call a function outside of every cancellation and deadline further out, for
-- a limited time: to say goodbye in a `<close>` variable, or after a time-out.
-- Groups that the function opens share it; tasks that it spawns elsewhere do
-- not.
-- @function shield
-- @number seconds with fractions
-- @func f the function to call
-- @param ... arguments for `f`
-- @return what `f` returned
-- @raise ETIMEDOUT with `timeout` when the time has run out; what `f` raises
-- @usage sockeye.shield(1, conn.write, conn, "bye\n")
function M.shield(seconds, f, ...)
  arguments.check("shield", 1, seconds, "seconds")
  arguments.check("shield", 2, f, "function")
  local scope <close>, closes <const> = primitives.open_shield(seconds)
  if closes and replaces and not is_c(f) then return f(...) end
  return results_in(scope, xpcall(f, catch_origin, ...))
end

local function pass_canceled(ok, ...)
  if not ok and core.is_canceled((...)) then error((...), 0) end
  return ok, ...
end

--- Call a function as Lua's `pcall` does, but let one's own cancellation pass.
-- @function pcall
-- @param f the function to call
-- @param ... arguments for `f`
-- @treturn boolean true, followed by what `f` returned; or false
-- @return the error
-- @raise ECANCELED with `canceled` while a scope around the caller is over
-- @usage
-- repeat
--   local ok, err = sockeye.pcall(work)
--   if not ok then log:write(tostring(err), "\n") end
-- until not ok
function M.pcall(...)
  if select("#", ...) == 0 then
    arguments.raise("pcall", 1, "value expected")
  end
  return pass_canceled(pcall(...))
end

--- Call a function as Lua's `xpcall` does, but let one's own cancellation pass:
-- the handler is not called for it.
-- @function xpcall
-- @param f the function to call
-- @func handler called with any other error, where it is raised
-- @param ... arguments for `f`
-- @treturn boolean true, followed by what `f` returned; or false
-- @return what the handler returned
-- @raise ECANCELED with `canceled` while a scope around the caller is over
function M.xpcall(...)
  local f <const>, handler <const> = ...
  if select("#", ...) < 2 then
    arguments.raise("xpcall", 2, "function expected, got no value")
  end
  arguments.check("xpcall", 2, handler, "function")
  return pass_canceled(xpcall(f, function(err, ...)
    if core.is_canceled(err) then return err end
    return handler(err, ...)
  end, select(3, ...)))
end

local function outcome(ok, ...)
  if ok then return ... end
  error((...), 0)
end

-- The coroutine has yielded; or has ended with what pcall returned for its
-- function; or cannot be resumed.
local function results(co, ok, ...)
  if not ok then error((...), 0) end
  if coroutine.status(co) == "dead" then return outcome(...) end
  return ...
end

--- Make a function that resumes a coroutine, as `coroutine.wrap` does.
-- The coroutine may make calls that wait: inside a task, the task waits. When
-- the coroutine fails, its `<close>` variables may wait, too.
-- @function wrap
-- @func f the coroutine's function
-- @treturn function raises what the coroutine raises
function M.wrap(f)
  arguments.check("wrap", 1, f, "function")
  -- In a pcall of its own, the variables of a function that fails are closed
  -- in the coroutine, which can wait.
  local co <const> = coroutine.create(function(...)
    return xpcall(f, catch_origin, ...)
  end)
  return function(...)
    return results(co, core.resume(co, ...))
  end
end

return M
