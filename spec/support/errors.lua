-- What a call raises: a sockeye error, or an ordinary argument error.

local fail = require "busted".fail

local asserted = require "spec.support.asserted"

local M = {}

local function describe(value)
  if type(value) ~= "table" then return tostring(value) end
  return ("%s (code %s, call %s)"):format(
    tostring(value), tostring(value.code), tostring(value.call))
end

--- Runs f(...), which has to raise a sockeye error with this code by this
-- call (nil for any call). Returns the error.
function M.raised(code, call, f, ...)
  asserted.note()
  local ok, err = pcall(f, ...)
  local wanted = ("%s by %s"):format(code, call or "any call")
  if ok then
    fail(("nothing was raised; wanted %s"):format(wanted), 2)
  end
  if type(err) ~= "table" or getmetatable(err) ~= "sockeye.Error" then
    fail(("no sockeye error: %s; wanted %s"):format(describe(err), wanted), 2)
  end
  if err.code ~= code or (call and err.call ~= call) then
    fail(("raised %s; wanted %s"):format(describe(err), wanted), 2)
  end
  return err
end

--- Runs f(...), which has to raise that a socket was closed while this call
-- (nil for any call) waited. Returns the error.
function M.closed(call, f, ...)
  local err <const> = M.raised("EBADF", call, f, ...)
  if err.closed ~= true or err.canceled ~= nil then
    fail(("not closed meanwhile: %s"):format(describe(err)), 2)
  end
  return err
end

local function raise_first(ok, ...)
  if not ok then error((...), 0) end
  return ...
end

--- Cancels a task, spawned as `spawn(pcall, f, ...)`, in which this call (nil
-- for any call) has to raise the cancellation. Returns the error.
function M.canceled(call, task)
  local err <const> = M.raised("ECANCELED", call, function()
    return raise_first(task:cancel():join())
  end)
  if err.canceled ~= true or err.closed ~= nil then
    fail(("no cancellation: %s"):format(describe(err)), 2)
  end
  return err
end

--- Joins a task that has to have been cancelled or killed. Returns the error.
function M.join_canceled(task)
  local err <const> = M.raised("ECANCELED", "join", task.join, task)
  if err.task ~= task or err.canceled ~= nil then
    fail(("not of a cancelled task: %s"):format(describe(err)), 2)
  end
  return err
end

--- Runs f(...), which has to raise a Lua string that the pattern matches.
-- Returns the string.
function M.rejected(pattern, f, ...)
  asserted.note()
  local ok, err = pcall(f, ...)
  if ok then
    fail(("nothing was raised; wanted %q"):format(pattern), 2)
  end
  if type(err) ~= "string" or not err:find(pattern) then
    fail(("raised %s; wanted %q"):format(describe(err), pattern), 2)
  end
  return err
end

return M
